// Which noise levels are hard: the error of each frame, gathered into ten ranges of its level. Computed on the device, never waited for.
// Axes: B batch, T frames, L ranges of levels.
import { arange, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import type { DiffusionLoss } from "../diffusion/loss.js";

/** Ranges that the levels 0 .. numTimesteps - 1 are divided into, all of the same width, the cleanest first. */
export const LEVEL_RANGES = 10;

const [ERROR, COUNT] = ["levelError", "levelCount"] as const;

/**
 * Sums of the errors of the scored frames of each range, and how many these were: two vectors [L] for the parts of an objective's losses.
 * Their quotient is a mean whatever both are weighted with.
 */
export function levelParts(
  { perFrame_BT, levels, scored_BT }: Pick<DiffusionLoss, "perFrame_BT" | "levels" | "scored_BT">,
  numTimesteps: number,
): Readonly<Record<string, Tensor>> {
  return scope(() => {
    const levels_BT = levels.shape.length === 1 ? levels.unsqueeze(1).expand(perFrame_BT.shape) : levels;
    const ranges_BT1 = levels_BT.mul(LEVEL_RANGES).div(numTimesteps, { roundingMode: "floor" }).unsqueeze(2);
    const isIn_BTL = ranges_BT1.eq(arange(0, LEVEL_RANGES, { device: levels.device }));
    const counted_BTL = scored_BT ? isIn_BTL.float().mul(scored_BT.unsqueeze(2)) : isIn_BTL.float();
    return {
      [ERROR]: perFrame_BT.float().unsqueeze(2).mul(counted_BTL).sum([0, 1]),
      [COUNT]: counted_BTL.sum([0, 1]),
    };
  });
}

/** What a step's means tell, apart from the errors by level. */
export interface SplitMeans {
  readonly metrics: Readonly<Record<string, number>>;
  /** Mean error by range of levels, the cleanest first; null where no frame fell into a range. Absent for other objectives. */
  readonly lossByLevel?: readonly (number | null)[];
}

/** Takes the elements of {@link levelParts} out of a meter's reading and makes means of them. */
export function splitLevels(means: Readonly<Record<string, number>>): SplitMeans {
  const isPart = (name: string): boolean => name.startsWith(`${ERROR}[`) || name.startsWith(`${COUNT}[`);
  const metrics = Object.fromEntries(Object.entries(means).filter(([name]) => !isPart(name)));
  if (!(`${COUNT}[0]` in means)) return { metrics };
  const lossByLevel = Array.from({ length: LEVEL_RANGES }, (_, i) => {
    const count = means[`${COUNT}[${i}]`] ?? 0;
    return count > 0 ? (means[`${ERROR}[${i}]`] ?? NaN) / count : null;
  });
  return { metrics, lossByLevel };
}

/** "0.3-0.4" for range 3: shares of the noise levels. */
export function levelRange(i: number): string {
  return `${(i / LEVEL_RANGES).toFixed(1)}-${((i + 1) / LEVEL_RANGES).toFixed(1)}`;
}
