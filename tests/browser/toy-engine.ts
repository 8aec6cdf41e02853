// An engine that needs no network: a camera over a coloured floor that walks and turns as it is told. What a frame shows depends only on the
// path to it, as in a real world, and it takes about a millisecond.
import { type Channel, restRow } from "@vid2world/world/data/action-space";
import {
  type Engine,
  EngineError,
  type EngineFrame,
  type EngineStep,
  type EngineWorld,
  type HeldAction,
  noLoad,
} from "@vid2world/world/serving/engine";
import type { GalleryStart } from "@vid2world/world/serving/server/gallery/gallery";

const WIDTH = 160;
const HEIGHT = 120;
/** Frames that a start has. */
const CONTEXT = 4;

/** Where the camera is, and how bright its lamp: the whole state of this world. */
interface Camera {
  readonly x: number;
  readonly y: number;
  /** Radians. */
  readonly heading: number;
  readonly flash: number;
}

interface ToyNode extends Camera {
  readonly frame: number;
}

/** What tests do to the engine. */
export interface ToyEngine extends Engine {
  /** Milliseconds that a frame takes. */
  frameMilliseconds: number;
  /** The next step fails as a device without memory does. */
  memoryIsFull: boolean;
  /** The step in work, or else the next one, fails as that of a process that was killed; it comes back with its sessions. */
  lose(): void;
}

const keys = (pairs: Record<string, number>): { keys: Record<string, number> } => ({ keys: pairs });

/** The world's description: the built-in world's channels. */
export const toyWorld: EngineWorld = {
  ...{ name: "toy", description: "A coloured floor.", width: WIDTH, height: HEIGHT, fps: 20, contextFrames: CONTEXT },
  ...{ windowLength: 8, decoders: ["full", "tiny"], version: "test", device: "cpu", checksum: "toy" },
  ...{ stepsRange: [1, 100], latentBytes: 64 },
  settings: { guidanceScale: 1, numSteps: 2, decoder: "full" },
  channels: [
    {
      name: "forward",
      kind: "continuous",
      range: [-1, 1],
      rest: 0,
      ...keys({ KeyW: 1, ArrowUp: 1, KeyS: -1, ArrowDown: -1 }),
    },
    { name: "strafe", kind: "continuous", range: [-1, 1], rest: 0, ...keys({ KeyD: 0.8, KeyA: -0.8 }) },
    {
      name: "turn",
      kind: "continuous",
      range: [-1, 1],
      rest: 0,
      ...keys({ ArrowLeft: 0.4, ArrowRight: -0.4, MouseX: -0.01 }),
    },
    { name: "fire", kind: "continuous", range: [0, 1], rest: 0, ...keys({ Space: 1, MouseLeft: 1 }) },
    { name: "use", kind: "binary", keys: { KeyE: 1 } },
  ],
};

const first = (k: number): Camera => ({ x: 0.5, y: 0.3 * k, heading: 0, flash: 0 });

/** Starts of the toy: its camera's first frames, drawn as it draws them. */
export function toyStart(): GalleryStart {
  const frames = Array.from({ length: CONTEXT }, (_, k) => draw(first(k)));
  return { frames: Uint8Array.from(frames.flatMap((frame) => [...frame])) };
}

/** What the recording shows at a frame: it walks straight on. */
export const toyTruth = (frame: number): Uint8Array => draw(first(frame));

/** A toy; of other channels the first four move it. */
export function toyEngine(channels: readonly Channel[] = toyWorld.channels ?? []): ToyEngine {
  const sessions = new Map<string, ToyNode[]>();
  let isLost = false;
  const known = (session: string): ToyNode[] => {
    const nodes = sessions.get(session);
    if (nodes === undefined) throw new EngineError("unknown-session", `no session ${session}`);
    return nodes;
  };

  const holding = new Map<string, HeldAction | undefined>();

  async function step({ session, from, action: wanted }: EngineStep): Promise<EngineFrame> {
    const nodes = known(session);
    const parent = nodes[from];
    if (parent === undefined) throw new EngineError("unknown-node", `no node ${from}`);
    await new Promise((resolve) => setTimeout(resolve, engine.frameMilliseconds));
    if (isLost) {
      isLost = false;
      throw new EngineError("lost", "the engine was lost");
    }
    if (engine.memoryIsFull) throw new EngineError("out-of-memory", "no memory");
    const held = wanted === "held" ? holding.get(session) : undefined;
    const action = wanted === "held" ? (held?.row ?? restRow(channels)) : wanted;
    const node = { ...move(parent, action), frame: parent.frame + 1 };
    nodes.push(node);
    const timings = { wait: 0, model: engine.frameMilliseconds, decode: 1 };
    const drawn = { latent: new Float32Array(), action, ...(held && { held }), pixels: draw(node), timings, batch: 1 };
    return { node: nodes.length - 1, parent: from, frame: node.frame, ...drawn };
  }

  const engine: ToyEngine = {
    ...{ frameMilliseconds: 5, memoryIsFull: false, world: { ...toyWorld, channels: [...channels] }, step },
    lose: () => void (isLost = true),
    open(session) {
      sessions.set(session, Array.from({ length: CONTEXT }, (_, k) => ({ ...first(k), frame: k }))); // prettier-ignore
      return Promise.resolve();
    },
    hold: (session, held) => later(() => void holding.set(session, held)),
    picture: (session, number) =>
      later(() => {
        const node = known(session)[number];
        if (node === undefined) throw new EngineError("unknown-node", `no node ${number}`);
        return draw(node);
      }),
    snapshot: (session) => later(() => new TextEncoder().encode(JSON.stringify(known(session)))),
    restore: (session, bytes) => later(() => void sessions.set(session, JSON.parse(new TextDecoder().decode(bytes)) as ToyNode[])), // prettier-ignore
    append: (session, frames) =>
      later(() => {
        const nodes = known(session);
        for (const { node, parent: from, action } of frames) {
          const parent = nodes[from];
          if (node >= nodes.length && parent) nodes.push({ ...move(parent, action), frame: parent.frame + 1 });
        }
      }),
    close: (session) => later(() => void sessions.delete(session)),
    load: () => later(() => ({ ...noLoad, engines: 1, sessions: sessions.size })),
    shutdown: () => Promise.resolve(),
  };
  return engine;
}

const later = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()));

function move({ x, y, heading }: Camera, [forward = 0, strafe = 0, turn = 0, fire = 0]: readonly number[]): Camera {
  const next = heading + turn * (Math.PI / 4);
  const [ahead, aside] = [0.3 * forward, 0.3 * strafe];
  return {
    x: x - Math.sin(next) * ahead + Math.cos(next) * aside,
    y: y + Math.cos(next) * ahead + Math.sin(next) * aside,
    heading: next,
    flash: fire,
  };
}

/** HEIGHT*WIDTH*3 bytes: a chequered floor to the horizon, hills that turn with the heading above it. */
function draw({ x, y, heading, flash }: Camera): Uint8Array {
  const pixels = new Uint8Array(HEIGHT * WIDTH * 3);
  const [sin, cos] = [Math.sin(heading), Math.cos(heading)];
  const horizon = HEIGHT * 0.45;
  const put = (at: number, red: number, green: number, blue: number): void => {
    pixels[at] = Math.min(255, red);
    pixels[at + 1] = Math.min(255, green);
    pixels[at + 2] = Math.min(255, blue);
  };
  for (let column = 0; column < WIDTH; column++) {
    const across = (2 * column) / WIDTH - 1;
    const bearing = heading - across * 0.7;
    const hills = horizon - 10 - 6 * Math.sin(3 * bearing) - 4 * Math.sin(7 * bearing + 1);
    for (let line = 0; line < HEIGHT; line++) {
      const at = (line * WIDTH + column) * 3;
      if (line < horizon) {
        if (line < hills) put(at, 120 + line + 90 * flash, 150 + line + 60 * flash, 205);
        else put(at, 70 + 90 * flash, 96 + 60 * flash, 88);
        continue;
      }
      const depth = 26 / (line - horizon + 1);
      const [floorX, floorY] = [x + cos * across * depth - sin * depth, y + sin * across * depth + cos * depth];
      const isLight = (Math.floor(floorX) + Math.floor(floorY)) % 2 === 0;
      const haze = Math.min(1, depth / 16);
      const [near, far] = [1 - haze, 150 * haze + 60 * flash];
      if (isLight) put(at, 196 * near + far, 164 * near + far, 120 * near + far);
      else put(at, 104 * near + far, 78 * near + far, 64 * near + far);
    }
  }
  return pixels;
}
