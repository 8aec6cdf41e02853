// An engine for tests of everything around it: its frames are arithmetic on the path that led to them, so that any mix-up of sessions,
// nodes, actions or settings shows in the pixels. Costs no time and needs no tensors.

import { createHash } from "node:crypto";
import {
  type Engine,
  EngineError,
  type EngineFrame,
  type EngineStart,
  type EngineStep,
  type EngineWorld,
  type FullSettings,
  type HeldAction,
  noLoad,
} from "../engine.js";

/** What tests choose. */
export interface ArithmeticEngineOptions {
  /** Milliseconds that a frame takes. Default 0: it is there in the next turn of the event loop. */
  readonly frameMilliseconds?: number;
  readonly world?: Partial<EngineWorld>;
}

/** Such an engine, with what tests do to it. */
export interface ArithmeticEngine extends Engine {
  /** Steps in work fail as `lost`, as those of a process that was killed and does not come back at once. */
  lose(): void;
  /** Sessions it knows. */
  readonly sessions: number;
}

const world: EngineWorld = {
  ...{ name: "arithmetic", width: 8, height: 6, fps: 10, contextFrames: 2, windowLength: 4, decoders: ["full"] },
  channels: [
    { name: "forward", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyW: 1, KeyS: -1 } },
    { name: "use", kind: "binary", keys: { KeyE: 1 } },
  ],
  ...{ settings: { guidanceScale: 1, numSteps: 2, decoder: "full" }, version: "test", device: "cpu", checksum: "a1b2" },
  ...{ stepsRange: [1, 100], latentBytes: 64 },
};

/** The digest of a node stands for everything that led to it; context frames are kept as they were given, in base64. */
type Nodes = { digest: string; frame: number; given?: string }[];

/** Makes one. */
export function arithmeticEngine(options: ArithmeticEngineOptions = {}): ArithmeticEngine {
  const own = { ...world, ...options.world };
  const size = own.width * own.height * 3;
  const sessions = new Map<string, Nodes>();
  let life = 0;
  let framesDrawn = 0;
  const known = (session: string): Nodes => {
    const nodes = sessions.get(session);
    if (!nodes) throw new EngineError("unknown-session", `no session ${session}`);
    return nodes;
  };
  const holding = new Map<string, HeldAction | undefined>();
  const draw = async ({ session, from, action: wanted, settings }: EngineStep): Promise<EngineFrame> => {
    const [nodes, begun] = [known(session), life];
    const parent = nodes[from];
    if (!parent) throw new EngineError("unknown-node", `no node ${from}`);
    await new Promise((resolve) => setTimeout(resolve, options.frameMilliseconds ?? 0));
    if (life !== begun) throw new EngineError("lost", "the engine was lost");
    const held = wanted === "held" ? holding.get(session) : undefined;
    const atRest = (own.channels ?? []).map(() => 0);
    const action = wanted === "held" ? (held?.row ?? atRest) : wanted;
    const digest = follow(nodes, from, action, settings);
    framesDrawn++;
    const timings = { wait: 0, model: options.frameMilliseconds ?? 0, decode: 0 };
    const latent = new Float32Array(); // its digest follows from the actions
    const acted = { latent, action, ...(held && { held }) };
    return { node: nodes.length - 1, parent: from, frame: parent.frame + 1, ...acted, pixels: pixelsOf(digest, size), timings, batch: 1 }; // prettier-ignore
  };
  return {
    world: own,
    get sessions() {
      return sessions.size;
    },
    lose() {
      life++;
    },
    async open(session, start) {
      sessions.set(session, contextOf(start, size));
      return Promise.resolve();
    },
    step: draw,
    hold: (session, held) => later(() => void holding.set(session, held)),
    picture: (session, node) =>
      later(() => {
        const { given, digest = "" } = known(session)[node] ?? {};
        return given === undefined ? pixelsOf(digest, size) : Uint8Array.from(Buffer.from(given, "base64"));
      }),
    snapshot: (session) => later(() => new TextEncoder().encode(JSON.stringify(known(session)))),
    restore: (session, bytes) => later(() => void sessions.set(session, JSON.parse(new TextDecoder().decode(bytes)) as Nodes)), // prettier-ignore
    append: (session, frames) =>
      later(() => {
        const nodes = known(session);
        for (const { node, parent, action, settings } of frames)
          if (node >= nodes.length) follow(nodes, parent, action, settings);
      }),
    close: (session) => later(() => void sessions.delete(session)),
    load: () => later(() => ({ ...noLoad, engines: 1, sessions: sessions.size, framesDrawn })),
    shutdown: () => Promise.resolve(),
  };
}

/** Adds a node. -> its digest */
function follow(nodes: Nodes, from: number, action: readonly number[], settings: FullSettings): string {
  const { digest: before = "", frame = 0 } = nodes[from] ?? {};
  const digest = sha(JSON.stringify([before, [...action], settings]));
  nodes.push({ digest, frame: frame + 1 });
  return digest;
}

/** The frame that a path of actions from a start leads to, for comparisons. */
export function expectedPixels(
  start: EngineStart,
  path: readonly (Pick<EngineStep, "settings"> & Pick<EngineFrame, "action">)[],
  { width, height }: Pick<EngineWorld, "width" | "height"> = world,
): Uint8Array {
  const size = width * height * 3;
  const first = contextOf(start, size).at(-1)?.digest ?? "";
  const step = (digest: string, { action, settings }: (typeof path)[number]): string =>
    sha(JSON.stringify([digest, [...action], settings]));
  return pixelsOf(path.reduce(step, first), size);
}

function contextOf({ frames, actions, seed }: EngineStart, size: number): Nodes {
  const count = frames.length / size;
  return Array.from({ length: count }, (_, k) => {
    const base64 = (from: number): string => Buffer.from(frames.subarray(from, (k + 1) * size)).toString("base64");
    const digest = sha(JSON.stringify([seed, base64(0), (actions ?? []).slice(0, k)]));
    return { digest, frame: k, given: base64(k * size) };
  });
}

/** One colour per digest, and the digest's own bytes, so that pictures differ and compress. */
function pixelsOf(digest: string, size: number): Uint8Array {
  const bytes = Buffer.from(digest, "hex");
  return Uint8Array.from({ length: size }, (_, i) => bytes[i % bytes.length] ?? 0);
}

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

const later = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()));
