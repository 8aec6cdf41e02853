// The engine in a process of its own: what kills libtorch (a crash, the device's or the machine's memory) leaves its caller alive. The parent
// keeps what every session was told and every frame's latent, and puts each session back when it is next asked for in a further life of the process
// (engine-lives.ts); steps in work are asked once more. As what a node shows depends on the path to it alone, callers get the frames they would have got.

import {
  type Engine,
  EngineError,
  type EngineFrame,
  type EngineLoad,
  type EngineStep,
  type EngineWorld,
  type HeldAction,
  isLost,
  noLoad,
} from "./engine.js";
import type { EngineMethod, EngineSetup } from "./engine-calls.js";
import type { EngineLink } from "./engine-link.js";
import { engineLives } from "./engine-lives.js";
import type { TreeNode } from "./engine-session.js";
import { type SessionRecord, type StoredMemory, decodeSession, encodeSession } from "./session-record.js";

/** What happens to an engine's process. */
export type EngineEvent =
  /** The process runs; `sessions` are those that it will be given again. */
  | { readonly kind: "started"; readonly pid: number; readonly sessions: readonly string[] }
  /** The process is gone, and `sessions` with it; `again` is in how many milliseconds it is started again. */
  | {
      readonly kind: "lost";
      readonly reason: string;
      readonly again: number;
      readonly sessions: readonly string[];
    }
  /** A session is back, all its nodes with it. */
  | { readonly kind: "restored"; readonly session: string };

/** How an engine's process is run. */
export interface EngineProcessOptions extends EngineSetup {
  readonly onEvent?: (event: EngineEvent) => void;
  /** Every how many frames of a session the parent takes what the network remembers, so that going on takes no longer. Default 64. */
  readonly keepEvery?: number;
  /** Milliseconds after which a process that was asked something and says nothing is killed: longer than any pass. Default 10 minutes. */
  readonly hangAfter?: number;
  /** Milliseconds before the first start after a loss; doubled with each that follows soon, up to 10 s. Default 100. */
  readonly restartAfter?: number;
  /** Deaths of the process that a call may have been in work at before it is given up as `failed`. Default 8. */
  readonly mostDeaths?: number;
}

/** An engine in another process. */
export interface EngineProcess extends Engine {
  /** Of the process; undefined while there is none. */
  readonly pid: number | undefined;
}

/** What the parent knows of a session. */
interface Kept {
  /** Without nodes drawn and memories. */
  readonly base: SessionRecord;
  readonly nodes: TreeNode[];
  memories: readonly StoredMemory[];
  held: HeldAction | undefined;
  /** Frames since the memories were taken. */
  since: number;
  /** The life of the process that knows the session, and the way there. */
  life: number;
  returning: Promise<void> | undefined;
}

/** How long a look at its load may take. */
const LOOK = 1_000;

/** Starts an engine in a process of its own. Rejects where the world cannot be loaded. */
export async function engineProcess(options: EngineProcessOptions): Promise<EngineProcess> {
  const {
    onEvent = () => undefined,
    keepEvery = 64,
    restartAfter = 100,
    hangAfter = 600_000,
    mostDeaths = 8,
    ...setup
  } = options;
  const sessions = new Map<string, Kept>();
  const known = (): string[] => [...sessions.keys()];
  const lives = await engineLives(setup, {
    ...{ hangAfter, restartAfter, mostDeaths },
    onStarted: (pid) => onEvent({ kind: "started", pid, sessions: known() }),
    onLost: (reason, again) => onEvent({ kind: "lost", reason, again, sessions: known() }),
  });
  const world: EngineWorld = lives.link.world;
  let lastLoad = noLoad;
  let looking: Promise<unknown> | undefined;

  /** Calls a method of a session, which is put back first if need be. */
  const call = <T>(name: string, method: EngineMethod, args: readonly unknown[]): Promise<T> =>
    lives.ask(async (running) => {
      await present(name, running);
      return (await running.call(method, args)) as T;
    });
  const keptOf = (name: string): Kept => {
    const kept = sessions.get(name);
    if (!kept) throw new EngineError("unknown-session", "no session of this name");
    return kept;
  };
  /** Puts a session back that the process of this life does not know. */
  const present = async (name: string, running: EngineLink): Promise<void> => {
    const kept = keptOf(name);
    if (kept.life === lives.life) return;
    kept.returning ??= (async () => {
      const { base, nodes, memories } = kept;
      const now = lives.life;
      await running.call("restore", [name, encodeSession({ ...base, nodes, memories })]);
      kept.life = now;
      if (kept.held) await running.call("hold", [name, kept.held]);
      onEvent({ kind: "restored", session: name });
    })().finally(() => (kept.returning = undefined));
    await kept.returning;
  };
  /** Takes what the network remembers, in the background: without it a return only takes longer. */
  const takeMemories = (name: string, kept: Kept): void => {
    kept.since = 0;
    call<readonly StoredMemory[]>(name, "memories", [name]).then(
      (memories) => (kept.memories = memories),
      () => undefined,
    );
  };
  const begin = (method: "open" | "restore", name: string, given: unknown): Promise<void> =>
    lives.ask(async (running) => {
      if (sessions.has(name)) throw new EngineError("bad-start", "a session of this name is open already");
      const now = lives.life;
      await running.call(method, [name, given]);
      // What a start became only the engine knows.
      const bytes = method === "restore" ? given : await running.call("snapshot", [name]);
      const { nodes, memories, ...base } = decodeSession(bytes as Uint8Array);
      const kept = { base: { ...base, nodes: [], memories: [] }, nodes: [...nodes], memories: memories.slice(0, 1) };
      sessions.set(name, { ...kept, held: undefined, since: 0, life: now, returning: undefined });
    });

  return {
    world,
    get pid() {
      return lives.pid;
    },
    open: (name, start) => begin("open", name, start),
    restore: (name, bytes) => begin("restore", name, bytes),
    async step(step: EngineStep): Promise<EngineFrame> {
      const kept = keptOf(step.session);
      const frame = await call<EngineFrame>(step.session, "step", [step]);
      const { node, parent, action, latent } = frame;
      kept.nodes.push({ node, parent, frame: frame.frame, action, settings: step.settings, latent });
      if (++kept.since >= keepEvery) takeMemories(step.session, kept);
      return frame;
    },
    async hold(name, held) {
      const kept = sessions.get(name);
      if (!kept) return;
      kept.held = held;
      // One that is not there is told when it is back.
      if (kept.life === lives.life && lives.pid !== undefined)
        await lives.link.call("hold", [name, held]).catch(unlessLost);
    },
    picture: (name, ...given) => call(name, "picture", [name, ...given]),
    async append(name, frames) {
      const { nodes } = keptOf(name);
      await call(name, "append", [name, frames]);
      for (const { node, parent, action, settings, latent } of frames.filter(({ node }) => node >= nodes.length))
        nodes.push({ node, parent, frame: (nodes[parent]?.frame ?? 0) + 1, action, settings, latent });
    },
    async snapshot(name, how = {}) {
      const { base, nodes, memories } = keptOf(name);
      // All of it is here already: tens of megabytes between two processes would hold up the frames behind them.
      return how.quick ? encodeSession({ ...base, nodes, memories }) : call<Uint8Array>(name, "snapshot", [name]);
    },
    async close(name) {
      const wasKnown = sessions.delete(name);
      // A process that is gone has forgotten it already.
      if (wasKnown && lives.pid !== undefined) await lives.link.call("close", [name]).catch(() => undefined);
    },
    async load() {
      // A pass may take long, and a start too: whoever looks after the engine wants an answer.
      if (lives.pid !== undefined)
        looking ??= (lives.link.call("load", []) as Promise<EngineLoad>)
          .then(
            (load) => (lastLoad = load),
            () => undefined,
          )
          .finally(() => (looking = undefined));
      await Promise.race([looking, sleep(LOOK)]);
      return { ...lastLoad, engines: lives.pid === undefined ? 0 : 1, sessions: sessions.size };
    },
    shutdown: () => lives.end(),
  };
}

const unlessLost = (error: unknown): void => {
  if (!isLost(error)) throw error;
};

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
