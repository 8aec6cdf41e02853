// Does the world obey? Driven by a constant turn to the left and to the right, its pictures must move in opposite directions.
// Axes: T frames, A action channels; frames are RGB bytes.

import { z } from "zod";
import { withConstantAction } from "../baselines.js";
import { type EvaluatedWorld, type RolloutAllOptions, type RolloutJob, rolloutAll } from "../evaluated-world.js";
import { average } from "../metrics/average.js";
import { type ImageShift, type ImageShiftOptions, imageShifts } from "../metrics/image-shift.js";

const directionSchema = z.strictObject({
  pairs: z.int().describe("consecutive predicted frames compared"),
  confident: z.int().describe("pairs whose shift could be measured without doubt; only these are counted"),
  correct: z.int().describe("confident pairs whose picture moved the right way"),
  rate: z.number().nullable().describe("correct / confident; null without a confident pair"),
  meanShift: z
    .number()
    .nullable()
    .describe("pixels at the middle of the picture, right positive, mean of confident pairs"),
});

/** Schema of {@link Obedience}. */
export const obedienceSchema = z.strictObject({
  starts: z.int(),
  framesPerStart: z.int(),
  left: directionSchema.describe("under a constant turn to the left the picture must move right"),
  right: directionSchema.describe("under a constant turn to the right the picture must move left"),
  opposite: z
    .strictObject({
      starts: z.int().describe("starts with a confident pair in both directions"),
      correct: z.int().describe("of these: left moved the picture right and right moved it left, on average"),
      rate: z.number().nullable(),
    })
    .describe("per start"),
  everyStart: z
    .strictObject({ correct: z.int(), rate: z.number().nullable() })
    .describe("the same over all starts, from the best match of every pair, doubtful ones too"),
});

/** How a world obeys turns. */
export type Obedience = z.infer<typeof obedienceSchema>;

/** The two actions that are compared, A numbers each. */
export interface Turns {
  readonly left: readonly number[];
  readonly right: readonly number[];
}

/** Options of {@link measureObedience}. */
export interface ObedienceOptions extends RolloutAllOptions {
  readonly turns: Turns;
  /** Horizontal field of view in degrees, if known: see {@link ImageShiftOptions}. */
  readonly fieldOfView?: number;
}

/**
 * Rolls every start out twice, under a constant left and a constant right turn with the same noise, and measures the sign of
 * the sideways shift between consecutive predicted frames.
 */
export async function measureObedience(
  world: EvaluatedWorld,
  starts: readonly RolloutJob[],
  { turns, fieldOfView, onProgress, ...options }: ObedienceOptions,
): Promise<Obedience> {
  const total = 2 * starts.length * options.frames;
  const known = world.contextFrames - 1;
  const drive = (action_A: readonly number[], before: number): Promise<Uint8Array[]> =>
    rolloutAll(
      world,
      starts.map((start) => withConstantAction(start, action_A, { known, frames: options.frames })),
      { ...options, onProgress: ({ done }) => onProgress?.({ done: before + done, total }) },
    );
  const left = await drive(turns.left, 0);
  const right = await drive(turns.right, total / 2);
  const { height, width } = world;
  return scoreObedience(left, right, { height, width, ...(fieldOfView === undefined ? {} : { fieldOfView }) });
}

/** Scores rollouts that exist: `left` and `right` hold one clip of RGB bytes (T*H*W*3) per start, in the same order. */
export function scoreObedience(
  left: readonly Uint8Array[],
  right: readonly Uint8Array[],
  picture: ImageShiftOptions,
): Obedience {
  const measured = (clips: readonly Uint8Array[]): ImageShift[][] =>
    clips.map((frames_THWC) => imageShifts(frames_THWC, picture));
  const [leftPairs, rightPairs] = [measured(left), measured(right)];
  const [leftShifts, rightShifts] = [leftPairs.map(confidentShifts), rightPairs.map(confidentShifts)];
  const frames = (left[0]?.length ?? 0) / (picture.height * picture.width * 3);
  const both = opposites(leftShifts, rightShifts);
  const every = opposites(leftPairs.map(allShifts), rightPairs.map(allShifts));
  return {
    starts: left.length,
    framesPerStart: frames,
    left: direction(leftShifts, frames, 1),
    right: direction(rightShifts, frames, -1),
    opposite: { starts: both.length, ...share(both) },
    everyStart: share(every),
  };
}

const allShifts = (pairs: readonly ImageShift[]): number[] => pairs.map(({ shift }) => shift);
const confidentShifts = (pairs: readonly ImageShift[]): number[] =>
  allShifts(pairs.filter(({ confident }) => confident));

/** Of the starts with a pair in both directions: whether left moved the picture right and right moved it left, on average. */
function opposites(left: readonly number[][], right: readonly number[][]): boolean[] {
  return left.flatMap((ofLeft, start) => {
    const ofRight = right[start] ?? [];
    return ofLeft.length > 0 && ofRight.length > 0 ? [average(ofLeft) > 0 && average(ofRight) < 0] : [];
  });
}

function share(right: readonly boolean[]): { correct: number; rate: number | null } {
  const correct = right.filter(Boolean).length;
  return { correct, rate: right.length === 0 ? null : correct / right.length };
}

function direction(shifts: readonly number[][], frames: number, sign: 1 | -1): Obedience["left"] {
  const all = shifts.flat();
  const correct = all.filter((shift) => shift * sign > 0).length;
  return {
    pairs: shifts.length * Math.max(0, frames - 1),
    confident: all.length,
    correct,
    rate: all.length === 0 ? null : correct / all.length,
    meanShift: all.length === 0 ? null : average(all),
  };
}
