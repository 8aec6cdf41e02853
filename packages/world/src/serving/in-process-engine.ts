// An engine in this very process, one session after the other: for library use and small trials. `vid2world play` has processes of its own.

import { EngineError, type Engine, type EngineStart, type EngineStep, type EngineWorld } from "./engine.js";
import type { Settings } from "./protocol/messages.js";
import { WorldModel } from "../world-model.js";
import { type WorldState, releaseState } from "../world-state.js";

interface Session {
  readonly start: EngineStart;
  readonly nodes: { readonly state: WorldState; readonly frame: number }[];
  readonly steps: EngineStep[];
}

/** Plays a loaded world. */
export function inProcessEngine(world: WorldModel, checksum: string): Engine {
  const { config, sampler } = world;
  const sessions = new Map<string, Session>();
  const models = new Map<string, WorldModel>();
  let framesDrawn = 0;

  const modelFor = (settings: Settings): WorldModel => {
    const name = JSON.stringify(settings);
    const { guidanceScale = sampler.guidanceScale, numSteps = sampler.numSteps, decoder = world.decoder } = settings;
    const made = models.get(name) ?? new WorldModel(world.parts, { device: world.device, decoder, sampler: { ...sampler, guidanceScale, numSteps } }); // prettier-ignore
    models.set(name, made);
    return made;
  };
  const known = (session: string): Session => {
    const found = sessions.get(session);
    if (!found) throw new EngineError("unknown-session", `no session ${session}`);
    return found;
  };
  const open = (session: string, start: EngineStart): void => {
    const size = config.frame.width * config.frame.height * 3;
    const nodes = Array.from({ length: start.frames.length / size }, (_, k) => {
      const frames = start.frames.subarray(0, (k + 1) * size);
      world.reset({ frames, ...(start.actions && { actions: start.actions.slice(0, k) }) }, { seed: start.seed });
      return { state: world.snapshot(), frame: k };
    });
    sessions.set(session, { start, nodes, steps: [] });
  };
  const step = (wanted: EngineStep) => {
    const { nodes, steps } = known(wanted.session);
    const parent = nodes[wanted.from];
    if (!parent) throw new EngineError("unknown-node", `no node ${wanted.from}`);
    const begun = performance.now();
    const model = modelFor(wanted.settings);
    model.restore(parent.state);
    const pixels = model.step(wanted.action);
    nodes.push({ state: model.snapshot(), frame: parent.frame + 1 });
    steps.push(wanted);
    framesDrawn++;
    const timings = { wait: 0, model: performance.now() - begun, decode: 0 };
    return { node: nodes.length - 1, parent: wanted.from, frame: parent.frame + 1, pixels, timings, batch: 1 };
  };
  const close = (session: string): void => {
    for (const { state } of sessions.get(session)?.nodes ?? []) releaseState(state);
    sessions.delete(session);
  };

  const { name, description, frame, channels, contextFrames, unet } = config;
  const described: EngineWorld = {
    ...{ name, width: frame.width, height: frame.height, fps: frame.fps, contextFrames, checksum },
    ...(description !== undefined && { description }),
    ...(channels && { channels }),
    windowLength: unet.temporalLength,
    settings: { guidanceScale: sampler.guidanceScale, numSteps: sampler.numSteps, decoder: world.decoder },
    decoders: world.parts.tinyDecoder ? ["full", "tiny"] : ["full"],
    version: "0.1.0",
    device: world.device,
  };
  return {
    world: described,
    open: (session, start) => turn(() => open(session, start)),
    step: (wanted) => turn(() => step(wanted)),
    snapshot: (session) => turn(() => Buffer.from(JSON.stringify(recipe(known(session))))),
    restore: (session, bytes) =>
      turn(() => {
        const { start, frames, steps } = JSON.parse(Buffer.from(bytes).toString()) as Recipe;
        open(session, { ...start, frames: Buffer.from(frames, "base64") });
        for (const one of steps) step({ ...one, session });
      }),
    close: (session) => turn(() => close(session)),
    load: () => turn(() => ({ sessions: sessions.size, sessionBytes: 0, residentBytes: process.memoryUsage.rss(), framesDrawn })), // prettier-ignore
    shutdown: () => turn(() => [...sessions.keys()].forEach(close)),
  };
}

interface Recipe {
  readonly start: Omit<EngineStart, "frames">;
  readonly frames: string;
  readonly steps: readonly EngineStep[];
}

function recipe({ start: { frames, ...start }, steps }: Session): Recipe {
  return { start, frames: Buffer.from(frames).toString("base64"), steps };
}

/** In the next turn of the event loop, so that sockets are read between frames. */
function turn<T>(work: () => T): Promise<T> {
  return new Promise<void>((resolve) => setImmediate(resolve)).then(work);
}
