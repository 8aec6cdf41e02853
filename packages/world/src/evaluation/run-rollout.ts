// Rollouts of many starts into a folder, batch by batch; what is complete is not done again.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { invalid } from "@vid2world/formats";
import type { Recording } from "../data/recording.js";
import type { EvaluatedWorld, RolloutProgress } from "./evaluated-world.js";
import { readHeldOutClips } from "./held-out.js";
import { isRolloutComplete, type RolloutSettings, rolloutName, writeRollout } from "./report/rollout-folder.js";
import { chooseStarts, type Start } from "./starts.js";

/** Options of {@link runRollout}. */
export interface RunRolloutOptions {
  /** Folder that gets one folder per start. */
  readonly out: string;
  readonly starts: number;
  readonly frames: number;
  readonly seed: number;
  readonly steps?: number;
  /** What else a rollout depends on (weights, sampler): made with others, it is not complete. */
  readonly madeWith?: RolloutSettings;
  /** Starts per batch: what memory allows. */
  readonly batch: number;
  readonly onProgress?: (progress: RolloutProgress) => void;
  readonly signal?: AbortSignal;
}

/** What was done. */
export interface RunRolloutResult {
  /** Names of the folders written now, and of those that were complete before. */
  readonly written: readonly string[];
  readonly skipped: readonly string[];
  /** Wall seconds per predicted frame of one rollout; undefined if nothing was left to do. */
  readonly secondsPerFrame: number | undefined;
}

/**
 * Rolls the world out from starts in the recording's held-out clips, under their true actions. The seed of a start follows
 * from its place in the list and batches are always made up alike, so a run that was interrupted and continued writes the
 * same frames as one that was not. Stops between two frames when the signal fires; finished batches stay.
 */
export async function runRollout(
  world: EvaluatedWorld,
  recording: Recording,
  options: RunRolloutOptions,
): Promise<RunRolloutResult> {
  const { out, starts: count, frames, seed, steps, batch, onProgress, signal } = options;
  if (!Number.isInteger(batch) || batch < 1) throw invalid("batch", "a whole number >= 1", batch);
  const clips = await readHeldOutClips(recording, world, signal === undefined ? {} : { signal });
  const starts = chooseStarts(clips, { count, contextFrames: world.contextFrames, frames, seed });
  const known = { world: world.name, frames, seed, steps: steps ?? "own", contextFrames: world.contextFrames };
  const settings: RolloutSettings = { ...known, ...options.madeWith };
  const { height, width } = world;
  await mkdir(out, { recursive: true });

  const batches = Array.from({ length: Math.ceil(starts.length / batch) }, (_, index) =>
    starts.slice(index * batch, (index + 1) * batch),
  );
  const [written, skipped]: [string[], string[]] = [[], []];
  let [seconds, predicted] = [0, 0];
  for (const [index, part] of batches.entries()) {
    const before = index * batch * frames;
    const total = starts.length * frames;
    const complete = await Promise.all(part.map((start) => isRolloutComplete(join(out, rolloutName(start)), settings)));
    if (complete.every(Boolean)) {
      skipped.push(...part.map(rolloutName));
      onProgress?.({ done: before + part.length * frames, total });
      continue;
    }
    const began = performance.now();
    const predictions = await world.rollout(part, {
      frames,
      seed: seed + index * batch,
      ...(steps === undefined ? {} : { steps }),
      ...(signal === undefined ? {} : { signal }),
      onFrame: (frame) => onProgress?.({ done: before + part.length * (frame + 1), total }),
    });
    seconds += (performance.now() - began) / 1000;
    predicted += part.length * frames;
    for (const [place, prediction_THWC] of predictions.entries()) {
      const start = part[place] as Start;
      if (complete[place] === true) {
        skipped.push(rolloutName(start));
        continue;
      }
      await writeRollout(join(out, rolloutName(start)), start, prediction_THWC, {
        height,
        width,
        fps: recording.header.fps,
        settings,
      });
      written.push(rolloutName(start));
    }
  }
  return { written, skipped, secondsPerFrame: predicted === 0 ? undefined : seconds / predicted };
}
