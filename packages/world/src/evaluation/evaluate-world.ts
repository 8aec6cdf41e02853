// A world under true actions, measured against two baselines on starts that it never saw. Writes no file, prints nothing.
// Axes: T frames; frames are RGB bytes.

import { z } from "zod";
import { repeatLastFrame, withShuffledActions } from "./baselines.js";
import { type EvaluatedWorld, type RolloutAllOptions, rolloutAll } from "./evaluated-world.js";
import { average } from "./metrics/average.js";
import { horizonScoresSchema, overRollouts, type RolloutScores, rolloutScores } from "./metrics/horizon.js";
import { obedienceSchema } from "./obedience/turns.js";
import type { Start } from "./starts.js";
import { comparePaired } from "./statistics/bootstrap.js";

const gainSchema = z.strictObject({
  difference: z.number().describe("dB"),
  interval: z.tuple([z.number(), z.number()]).describe("95 %, bootstrap over starts"),
  pValue: z.number().describe("two-sided, paired randomisation test over starts"),
});

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
  gains: z
    .strictObject({ repeatLastFrame: gainSchema, shuffledActions: gainSchema })
    .optional()
    .describe("by how much, start by start; absent in older files"),
  obedience: obedienceSchema.optional(),
  secondsPerFrame: z
    .number()
    .describe("wall seconds per predicted frame of one rollout, all rollouts of a batch shared"),
});

/** By how much a world is better than a baseline. */
export type Gain = z.infer<typeof gainSchema>;

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
    const [model, repeated, exchanged] = [predictions, still, shuffled].map((clips) =>
      rolloutScores(clips, truth, world),
    ) as [RolloutScores, RolloutScores, RolloutScores];
    const gains = { repeatLastFrame: gainOver(repeated, model), shuffledActions: gainOver(exchanged, model) };
    return {
      format: "vid2world-evaluation/1",
      world: world.name,
      seed,
      ...(steps === undefined ? {} : { steps }),
      contextFrames: world.contextFrames,
      predictedFrames: frames,
      starts: starts.map(({ source, frame }) => ({ source, frame })),
      model: overRollouts(model),
      repeatLastFrame: overRollouts(repeated),
      shuffledActions: overRollouts(exchanged),
      beats: {
        repeatLastFrame: gains.repeatLastFrame.difference > 0,
        shuffledActions: gains.shuffledActions.difference > 0,
      },
      gains,
      secondsPerFrame: seconds / total,
    };
  }
}

/** By how many dB of mean PSNR a rollout of the world is nearer to the truth than the baseline's. */
function gainOver(baseline: RolloutScores, model: RolloutScores): Gain {
  const { difference, pValue } = comparePaired(model.psnr.map(average), baseline.psnr.map(average));
  return { difference: difference.value, interval: [difference.low, difference.high], pValue };
}
