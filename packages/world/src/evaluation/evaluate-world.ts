// A world under true actions, measured against two baselines on starts that it never saw. Writes no file, prints nothing.
// Axes: T frames; frames are RGB bytes.

import { z } from "zod";
import { repeatLastFrame, withShuffledActions } from "./baselines.js";
import { type EvaluatedWorld, type RolloutAllOptions, rolloutAll } from "./evaluated-world.js";
import { horizonScoresSchema, scoreHorizons } from "./metrics/horizon.js";
import { obedienceSchema } from "./obedience/turns.js";
import type { Start } from "./starts.js";

/** Schema of what `metrics.json` holds. */
export const evaluationReportSchema = z.strictObject({
  format: z.literal("vid2world-evaluation/1"),
  world: z.string(),
  seed: z.int(),
  steps: z.int().optional().describe("denoising steps per frame; absent: the world's own"),
  contextFrames: z.int(),
  predictedFrames: z.int(),
  starts: z.array(
    z.strictObject({ source: z.string(), frame: z.int().describe("first predicted frame in the recording") }),
  ),
  model: horizonScoresSchema.describe("the world under the true actions"),
  repeatLastFrame: horizonScoresSchema.describe("baseline: the last known frame, again and again"),
  shuffledActions: horizonScoresSchema.describe("baseline: the same world under the actions of other starts"),
  beats: z
    .strictObject({ repeatLastFrame: z.boolean(), shuffledActions: z.boolean() })
    .describe("in mean PSNR over all horizons"),
  obedience: obedienceSchema.optional(),
  secondsPerFrame: z
    .number()
    .describe("wall seconds per predicted frame of one rollout, all rollouts of a batch shared"),
});

/** Scores of a world and of its baselines. */
export type EvaluationReport = z.infer<typeof evaluationReportSchema>;

/** The report and the rollouts that it was made from, one clip per start (N*H*W*3 bytes). */
export interface Evaluation {
  readonly report: EvaluationReport;
  readonly predictions: readonly Uint8Array[];
  readonly shuffled: readonly Uint8Array[];
}

/**
 * Rolls the starts out under their true and under exchanged actions and scores both and the repeated last frame. With fewer
 * than eight horizons or a random world the numbers mean little, but they are computed all the same. Needs two starts.
 */
export async function evaluateWorld(
  world: EvaluatedWorld,
  starts: readonly Start[],
  { onProgress, ...options }: RolloutAllOptions,
): Promise<Evaluation> {
  const { frames, seed, steps } = options;
  const known = world.contextFrames - 1;
  const total = 2 * starts.length * frames;
  const began = performance.now();
  const predictions = await rolloutAll(world, starts, {
    ...options,
    onProgress: ({ done }) => onProgress?.({ done, total }),
  });
  const others = withShuffledActions(starts, { known, actionWidth: world.actionWidth, seed });
  const shuffled = await rolloutAll(world, others, {
    ...options,
    onProgress: ({ done }) => onProgress?.({ done: total / 2 + done, total }),
  });
  const seconds = (performance.now() - began) / 1000;
  return { report: reportOf(), predictions, shuffled };

  function reportOf(): EvaluationReport {
    const truth = starts.map((start) => start.truth_THWC);
    const still = starts.map((start) => repeatLastFrame(start.context_THWC, world.height * world.width * 3, frames));
    const model = scoreHorizons(predictions, truth, world);
    const repeated = scoreHorizons(still, truth, world);
    const exchanged = scoreHorizons(shuffled, truth, world);
    return {
      format: "vid2world-evaluation/1",
      world: world.name,
      seed,
      ...(steps === undefined ? {} : { steps }),
      contextFrames: world.contextFrames,
      predictedFrames: frames,
      starts: starts.map(({ source, frame }) => ({ source, frame })),
      model,
      repeatLastFrame: repeated,
      shuffledActions: exchanged,
      beats: {
        repeatLastFrame: model.psnrMean > repeated.psnrMean,
        shuffledActions: model.psnrMean > exchanged.psnrMean,
      },
      secondsPerFrame: seconds / total,
    };
  }
}
