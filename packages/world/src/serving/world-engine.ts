// The engine in this process, around a loaded world. Whoever needs it to survive a crash of libtorch runs it as a process (engine-process.ts).

import { liveTensors } from "@vid2world/torch";
import type { WorldModel } from "../world-model.js";
import { type Engine, EngineError } from "./engine.js";
import { type EngineSession, type TreeNode, openSession, reopenSession } from "./engine-session.js";
import { checkAction, checkKept, checkRecord, checkSettings, checkStart, describeEngineWorld } from "./engine-world.js";
import type { Batching } from "./exact-batches.js";
import { type StoredMemory, decodeSession, encodeSession } from "./session-record.js";
import { FrameScheduler } from "./frame-scheduler.js";

/** How an engine works. */
export interface WorldEngineOptions {
  /**
   * How sessions share passes. Absent: `exact` on CPUs, so that a frame has the same bytes whoever else plays; `always` on other devices, which
   * promise no equal bytes anyway.
   */
  readonly batching?: Batching;
  /** Most sessions in a pass. Default 16. */
  readonly maxBatch?: number;
  /** Bytes of tensors that a session may hold besides its newest state. Default 64 MiB. */
  readonly sessionBytes?: number;
  /** Every how many frames a state is kept in preference to others, to come back from. Default 16. */
  readonly keyframeEvery?: number;
  /** Most bytes of the network's memory in a snapshot: without them a session is computed again from its start. Default 32 MiB. */
  readonly snapshotBytes?: number;
}

/** An engine in this process. */
export interface WorldEngine extends Engine {
  /** What the network remembers at a session's newest state: one memory, or none. */
  memories(session: string): Promise<readonly StoredMemory[]>;
}

/** An engine of a world. The world's weights stay the caller's; its own state is not touched. */
export function worldEngine(world: WorldModel, options: WorldEngineOptions = {}): WorldEngine {
  const { maxBatch = 16, sessionBytes = 64 * 2 ** 20, keyframeEvery = 16 } = options;
  const { snapshotBytes = 32 * 2 ** 20 } = options;
  const batching = options.batching ?? (world.device === "cpu" ? "exact" : "always");
  const scheduler = new FrameScheduler(world, { batching, maxBatch });
  const limits = { bytes: sessionBytes, keyframeEvery };
  const about = describeEngineWorld(world);
  let closed = false;

  const live = (): void => {
    if (closed) throw new EngineError("lost", "the engine was shut down");
  };
  const named = (name: string): EngineSession => {
    const found = scheduler.sessions.get(name);
    if (!found) throw new EngineError("unknown-session", "no session of this name");
    return found.session;
  };
  const nodeOf = (session: EngineSession, node: number): TreeNode => {
    const found = session.nodes[node];
    if (!found) throw new EngineError("unknown-node", `the session has no node ${node}`);
    return found;
  };
  const unused = (name: string): void => {
    if (scheduler.sessions.has(name)) throw new EngineError("bad-start", "a session of this name is open already");
  };

  return {
    world: about,
    async open(name, start) {
      live();
      checkStart(world, start);
      await scheduler.task(name, () => {
        unused(name);
        scheduler.add(name, openSession(world, start, limits));
      });
    },
    async step(step) {
      live();
      nodeOf(named(step.session), step.from);
      if (step.action !== "held") checkAction(world, step.action);
      checkSettings(world, step.settings);
      return scheduler.step(step.session, step);
    },
    async hold(name, held) {
      if (held) checkAction(world, held.row);
      await Promise.resolve(scheduler.hold(name, held)); // what is wrong is a rejection
    },
    picture: (name, number, decoder) =>
      scheduler.task(name, () => {
        const session = named(name);
        const node = nodeOf(session, number);
        const size = world.width * world.height * 3;
        if (!node.settings && !decoder) return session.contextFrames.slice(number * size, (number + 1) * size);
        const settings = { ...about.settings, ...node.settings, ...(decoder && { decoder }) };
        checkSettings(world, settings);
        using latent_BCHW = session.latentOf(node);
        return scheduler.decode(latent_BCHW, settings.decoder);
      }),
    snapshot: (name, { quick = false } = {}) =>
      scheduler.task(name, () => {
        const limits = { bytes: snapshotBytes, memories: quick ? 1 : Infinity };
        return encodeSession(named(name).record(about.checksum, limits));
      }),
    memories: (name) => scheduler.task(name, () => named(name).memories(snapshotBytes, 1)),
    async restore(name, bytes) {
      live();
      const record = decodeSession(bytes);
      checkRecord(world, about, record);
      await scheduler.task(name, () => {
        unused(name);
        scheduler.add(name, reopenSession(world, record, limits));
      });
    },
    append: (name, frames) =>
      scheduler.task(name, () => {
        const session = named(name);
        for (const kept of frames) {
          if (kept.node < session.nodes.length) continue;
          checkKept(world, kept, session.nodes.length);
          session.append(kept);
        }
      }),
    close(name) {
      scheduler.remove(name);
      return Promise.resolve();
    },
    load() {
      const sessions = [...scheduler.sessions.values()];
      return Promise.resolve({
        engines: 1,
        sessions: sessions.length,
        sessionBytes: sessions.reduce((sum, { session }) => sum + session.bytes, 0),
        residentBytes: process.memoryUsage.rss(),
        heapBytes: process.memoryUsage().heapUsed,
        liveTensors: liveTensors(),
        framesDrawn: scheduler.framesDrawn,
      });
    },
    async shutdown() {
      closed = true;
      await scheduler.idle();
      for (const name of [...scheduler.sessions.keys()]) scheduler.remove(name);
    },
  };
}
