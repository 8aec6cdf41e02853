// What an engine says of its world, and the checks of what callers send it.

import { libtorchVersion } from "@vid2world/torch";
import { rowProblem } from "../data/action-space.js";
import type { WorldModel } from "../world-model.js";
import { EngineError, type EngineStart, type EngineWorld, type FullSettings, type KeptFrame } from "./engine.js";
import type { SessionRecord } from "./session-record.js";
import { worldChecksum } from "./weights-checksum.js";

/** The description of a world; reads all its weights once for the checksum. */
export function describeEngineWorld(world: WorldModel): EngineWorld {
  const { config, sampler, parts } = world;
  const { description, channels } = config;
  return {
    name: config.name,
    ...(description !== undefined && { description }),
    width: world.width,
    height: world.height,
    fps: config.frame.fps,
    contextFrames: config.contextFrames,
    windowLength: config.unet.temporalLength,
    ...(channels && { channels }),
    settings: { guidanceScale: sampler.guidanceScale, numSteps: sampler.numSteps, decoder: world.decoder },
    decoders: parts.tinyDecoder ? ["full", "tiny"] : ["full"],
    stepsRange: stepsRange(world),
    latentBytes: world.latentShape.reduce((bytes, size) => bytes * size, 4),
    version: `libtorch ${libtorchVersion}`,
    device: world.device,
    checksum: worldChecksum(world),
  };
}

/** Throws `bad-start` unless a world can start there. -> number of frames */
export function checkStart(world: WorldModel, { frames, actions, seed }: EngineStart): number {
  const fail = (what: string): never => {
    throw new EngineError("bad-start", what);
  };
  const size = world.width * world.height * 3;
  const count = frames.length / size;
  const most = world.config.unet.temporalLength - 1;
  if (!Number.isInteger(count) || count < 1 || count > most)
    fail(`frames: expected 1 to ${most} frames of ${size} bytes, got ${frames.length} bytes`);
  if (!Number.isSafeInteger(seed) || seed < 0) fail(`seed: expected a whole number from 0, got ${seed}`);
  if (actions && actions.length !== count - 1)
    fail(`actions: expected ${count - 1} rows between ${count} frames, got ${actions.length}`);
  for (const [i, row] of (actions ?? []).entries()) {
    const problem = actionProblem(world, row);
    if (problem !== undefined) fail(`actions[${i}]: ${problem}`);
  }
  return count;
}

/** Throws `bad-action` unless the world can take it. */
export function checkAction(world: WorldModel, action: readonly number[]): void {
  const problem = actionProblem(world, action);
  if (problem !== undefined) throw new EngineError("bad-action", `action: ${problem}`);
}

/** Throws `bad-settings` unless frames can be drawn with them. */
export function checkSettings(world: WorldModel, { guidanceScale, numSteps, decoder, seed = 0 }: FullSettings): void {
  const [least, most] = stepsRange(world);
  const fail = (what: string): never => {
    throw new EngineError("bad-settings", what);
  };
  if (!Number.isFinite(guidanceScale)) fail(`guidanceScale: expected a number, got ${guidanceScale}`);
  if (!Number.isInteger(numSteps) || numSteps < least || numSteps > most)
    fail(`numSteps: expected ${least} to ${most}, got ${numSteps}`);
  if (!Number.isSafeInteger(seed) || seed < 0) fail(`seed: expected a whole number from 0, got ${seed}`);
  if (decoder === "tiny" && !world.parts.tinyDecoder) fail("decoder: expected full, as this world has no tiny one");
}

/** Steps that were placed by hand are as many as they are. */
function stepsRange({ sampler, schedule }: WorldModel): readonly [number, number] {
  return Array.isArray(sampler.spacing) ? [sampler.numSteps, sampler.numSteps] : [1, schedule.numTimesteps];
}

/** Throws `bad-snapshot` unless a frame that was kept could be the next one of a session with so many nodes. */
export function checkKept(
  world: WorldModel,
  { node, parent, action, settings, latent }: KeptFrame,
  nodes: number,
): void {
  const size = world.latentShape.reduce((product, length) => product * length, 1);
  if (node !== nodes || !(parent >= 0 && parent < nodes) || latent.length !== size)
    throw new EngineError("bad-snapshot", `frames: node ${node} (from ${parent}) cannot follow ${nodes} nodes`);
  checkAction(world, action);
  checkSettings(world, settings);
}

/** Throws `bad-snapshot` unless a session is one of this world. */
export function checkRecord(world: WorldModel, { checksum, name }: EngineWorld, record: SessionRecord): void {
  const fail = (what: string): never => {
    throw new EngineError("bad-snapshot", `snapshot: ${what}`);
  };
  const given = record.nodes.filter(({ settings }) => !settings).length;
  const frames = record.contextFrames.length / (world.width * world.height * 3);
  if (record.checksum !== checksum)
    fail(
      `it is of a world with other weights (${record.checksum.slice(0, 12)}) than "${name}" (${checksum.slice(0, 12)})`,
    );
  if (record.latentShape.join() !== world.latentShape.join()) fail("its latents have another shape");
  if (frames !== given || given >= world.config.unet.temporalLength)
    fail(`it has ${given} context frames, not ${frames}`);
  for (const { node, frame, action, settings } of record.nodes) {
    if (settings) checkSettings(world, settings);
    const problem = action ? actionProblem(world, action) : settings && "missing";
    if (problem !== undefined) fail(`the action to node ${node} (frame ${frame}): ${problem}`);
  }
}

function actionProblem({ config, actionWidth }: WorldModel, action: readonly number[]): string | undefined {
  if (config.channels) return rowProblem(config.channels, action);
  if (action.length === actionWidth && action.every(Number.isFinite)) return undefined;
  return `expected ${actionWidth} finite numbers, got ${action.length}`;
}
