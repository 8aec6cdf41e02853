// Everything that a model's card shows: how near it is to what really followed, whether it obeys, where it breaks.
import type { Recording } from "../../data/recording.js";
import { type DriftReport, measureDrift } from "../drift/measure-drift.js";
import type { EvaluatedWorld } from "../evaluated-world.js";
import { type Evaluation, evaluateWorld } from "../evaluate-world.js";
import { readHeldOutClips } from "../held-out.js";
import { measureActionObedience, type ObedienceReport, type ObedienceSuiteOptions } from "../obedience/suite.js";
import { chooseStarts, type Start, usualSkip } from "../starts.js";

/** How much is measured. */
export interface CardOptions extends Pick<
  ObedienceSuiteOptions,
  "starts" | "frames" | "seed" | "batch" | "steps" | "fieldOfView" | "cacheFolder" | "signal"
> {
  /** Frames of the long rollouts. */
  readonly driftFrames: number;
  /** What is being done, and how far it is. */
  readonly onProgress?: (what: string, done: number, total: number) => void;
}

/** What was measured. */
export interface CardContent extends Evaluation {
  readonly starts: readonly Start[];
  /** Absent for a world without actions. */
  readonly obedience?: ObedienceReport;
  readonly drift: DriftReport;
}

/** Measures a world on held-out clips of its recordings. */
export async function measureCard(
  world: EvaluatedWorld,
  recording: Recording,
  { driftFrames, fieldOfView, cacheFolder, onProgress, starts: count, ...shared }: CardOptions,
): Promise<CardContent> {
  const { frames, seed, signal } = shared;
  const held = await readHeldOutClips(recording, world, signal ? { signal } : {});
  const starts = chooseStarts(held, {
    ...{ count, contextFrames: world.contextFrames, frames, seed, skip: usualSkip },
  });
  const evaluation = await evaluateWorld(world, starts, {
    ...shared,
    onProgress: ({ done, total }) => onProgress?.("predicting", done, total),
  });
  const obedience =
    world.actionWidth === 0
      ? undefined
      : await measureActionObedience(world, recording, {
          ...{ ...shared, fieldOfView, cacheFolder, starts: count },
          onProgress: (what, done, total) =>
            onProgress?.(what === "recordings" ? "learning from the recordings" : "obedience", done, total),
        });
  const drift = await measureDrift(world, recording, {
    ...{ ...shared, starts: Math.min(count, 4), frames: driftFrames },
    onProgress: (done, total) => onProgress?.("drift", done, total),
  });
  return { ...evaluation, starts, ...(obedience && { obedience }), drift };
}
