// Several engines behind one: a process per device. A session stays with the engine that it was given to, the one with the fewest.

import { invalid } from "@vid2world/formats";
import { type Engine, EngineError, type EngineLoad } from "./engine.js";

/** Engines of the same world as one engine. They become the pool's: `shutdown` ends them. */
export function enginePool(engines: readonly Engine[]): Engine {
  const [first] = engines;
  if (first === undefined) throw invalid("engines", "at least one engine", engines.length);
  const { checksum, name, device } = first.world;
  for (const { world } of engines)
    if (world.checksum !== checksum)
      throw invalid("engines", `engines of one world ("${name}", ${checksum.slice(0, 12)})`, world.checksum);
  const homes = new Map<string, Engine>();
  const devices = [...new Set(engines.map(({ world }) => world.device))].join(", ");

  const homeOf = (session: string): Engine => {
    const home = homes.get(session);
    if (!home) throw new EngineError("unknown-session", "no session of this name");
    return home;
  };
  /** Named at once, so that sessions that are opened together are spread too. */
  const settle = async (session: string, move: (engine: Engine) => Promise<void>): Promise<void> => {
    if (homes.has(session)) throw new EngineError("bad-start", "a session of this name is open already");
    const count = (engine: Engine): number => [...homes.values()].filter((home) => home === engine).length;
    const home = engines.reduce((least, engine) => (count(engine) < count(least) ? engine : least));
    homes.set(session, home);
    try {
      await move(home);
    } catch (error) {
      homes.delete(session);
      throw error;
    }
  };

  return {
    world: { ...first.world, device: devices || device },
    open: (session, start) => settle(session, (engine) => engine.open(session, start)),
    restore: (session, bytes) => settle(session, (engine) => engine.restore(session, bytes)),
    step: async (step) => homeOf(step.session).step(step),
    hold: async (session, held) => homes.get(session)?.hold(session, held),
    picture: async (session, ...given) => homeOf(session).picture(session, ...given),
    append: async (session, frames) => homeOf(session).append(session, frames),
    snapshot: async (session, how) => homeOf(session).snapshot(session, how),
    async close(session) {
      const home = homes.get(session);
      homes.delete(session);
      await home?.close(session);
    },
    async load() {
      const loads = await Promise.all(engines.map((engine) => engine.load()));
      const sum = (of: (load: EngineLoad) => number): number => loads.reduce((total, load) => total + of(load), 0);
      return {
        engines: sum(({ engines: running }) => running),
        sessions: sum(({ sessions }) => sessions),
        sessionBytes: sum(({ sessionBytes }) => sessionBytes),
        residentBytes: sum(({ residentBytes }) => residentBytes),
        heapBytes: sum(({ heapBytes }) => heapBytes),
        liveTensors: sum(({ liveTensors }) => liveTensors),
        framesDrawn: sum(({ framesDrawn }) => framesDrawn),
      };
    },
    async shutdown() {
      await Promise.all(engines.map((engine) => engine.shutdown()));
    },
  };
}
