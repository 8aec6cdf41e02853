// Runs a published test protocol over a domain's starts, batch after batch. What is complete is not made again; a process does its share.
import { mkdir } from "node:fs/promises";
import type { DomainSource } from "../../data/domain-clip.js";
import type { WorldModel } from "../../world-model.js";
import type { RolloutProgress } from "../evaluated-world.js";
import { type ActionVariant, actionVariants } from "./action-control.js";
import { checkFit } from "./check-fit.js";
import { defined } from "./defined.js";
import { type Unit, planJobs, shareOf } from "./jobs.js";
import type { LongActions } from "./movement.js";
import { type ProtocolLengths, type ProtocolName, checkProtocol, protocolLengths, protocols, videoRate } from "./protocol-table.js"; // prettier-ignore
import type { RecordingSource } from "./recording-source.js";
import { type Run, runBatch } from "./run-batch.js";
import { writeVariantVideo } from "./variant-video.js";
import { weightsId } from "./weights-id.js";

/** Options of {@link runProtocol}. What is left out has the published value. */
export interface RunProtocolOptions {
  readonly protocol: ProtocolName;
  /** Folder that gets the rollouts. */
  readonly out: string;
  /** Starts, the first ones of the domain's list. */
  readonly starts?: number;
  readonly contextFrames?: number;
  /** Frames to predict. */
  readonly frames?: number;
  /** Every how many-th frame of the data is taken. */
  readonly stride?: number;
  readonly seed?: number;
  /** Rollouts sampled together: what memory allows. */
  readonly batch?: number;
  /** How far `action-control` pushes the world vector; published: 0.1. */
  readonly magnitude?: number;
  /** What drives `long`; published: drawn keys. */
  readonly actions?: LongActions;
  /** Which process this is, and of how many. */
  readonly rank?: number;
  readonly worldSize?: number;
  readonly onProgress?: (progress: RolloutProgress) => void;
  readonly signal?: AbortSignal;
}

/** What was done by this process. */
export interface RunProtocolResult extends ProtocolLengths {
  readonly written: readonly string[];
  readonly skipped: readonly string[];
  /** Names of clips that are too short for the protocol, of all processes. */
  readonly tooShort: readonly string[];
  /** Wall seconds per predicted frame of one rollout; undefined if nothing was left to do. */
  readonly secondsPerFrame: number | undefined;
}

const publishedMagnitude = 0.1;

/**
 * Runs a protocol. The world's own sampler settings are used. A run that was stopped between two frames goes on where it was when it is
 * started again, and ends in the same files.
 */
export async function runProtocol(
  world: WorldModel,
  source: DomainSource,
  options: RunProtocolOptions,
): Promise<RunProtocolResult> {
  const { protocol, out, seed = 0, batch = 1, stride = 1, magnitude = publishedMagnitude, onProgress } = options;
  const { domain } = source;
  checkProtocol(protocol, domain);
  checkFit(world, source);
  const actions = options.actions ?? "drawn";
  const { contextFrames, frames, starts = protocols[protocol].starts } = options;
  const lengths = protocolLengths(protocol, {
    domain,
    windowLength: world.config.unet.temporalLength,
    ...defined({ contextFrames, frames }),
    recordedActions: actions === "recorded",
  });
  const channels = "channels" in source ? (source as RecordingSource).channels : undefined;
  const variants = protocol === "action-control" ? actionVariants(domain, magnitude, channels) : undefined;
  const plan = planJobs(source.list(), {
    ...{ domain, seed, batch, contextFrames: lengths.contextFrames },
    clipFrames: (lengths.clipFrames - 1) * stride + 1,
    ...defined({ starts, variants }),
  });
  const units = shareOf(plan.units, options.rank ?? 0, options.worldSize ?? 1);
  await mkdir(out, { recursive: true });

  const total = units.flatMap(({ batches }) => batches.flat()).length * lengths.frames;
  const run: Run = {
    ...{ world, source, out, protocol, lengths, magnitude, weights: weightsId(world) },
    read: { protocol, lengths, stride, actions, ...defined({ channels }) },
    signal: options.signal,
    count: { done: 0, predicted: 0, seconds: 0, written: [], skipped: [] },
    advance: (some) => onProgress?.({ done: (run.count.done += some), total }),
  };
  for (const unit of units) await runUnit(run, unit, variants);
  const { written, skipped, seconds, predicted } = run.count;
  const secondsPerFrame = predicted === 0 ? undefined : seconds / predicted;
  return { ...lengths, written, skipped, tooShort: plan.tooShort, secondsPerFrame };
}

async function runUnit(run: Run, unit: Unit, variants: readonly ActionVariant[] | undefined): Promise<void> {
  const before = run.count.written.length;
  for (const jobs of unit.batches) await runBatch(run, jobs);
  if (!variants) return;
  const jobs = unit.batches.flat();
  await writeVariantVideo(run.out, unit.name, jobs, {
    contextFrames: run.lengths.contextFrames,
    fps: videoRate(run.source.domain, undefined),
    again: run.count.written.length > before,
  });
}
