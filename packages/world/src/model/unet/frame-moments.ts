// Means and variances of single frames, and of several frames taken together. Kept per frame, so that a frame can leave a rolling window
// without anything being subtracted: sums that grow and shrink would lose the digits that a long rollout needs.
// Axes: B batch, R branches, F = B * T frames, P past frames, G groups.
import { arange, cat, scope, type Tensor } from "@vid2world/torch";

import type { Moments } from "../group-norm.js";
import { branchesOf, type LayerMemory } from "./time-pass.js";

/** Mean and variance of each frame (or of what each frame is normalised by), `[F G]` or `[B T G]` each. */
export type FrameMoments = Moments;

/** `[F G] -> [B T G]` */
export const ofClips = ({ mean, variance }: FrameMoments, batch: number): FrameMoments => ({
  mean: mean.unflatten(0, [batch, -1]),
  variance: variance.unflatten(0, [batch, -1]),
});

/**
 * Frame i over itself and the `reach - 1` frames before it, or every frame over all: `[B T G] -> [F G]`. Means are taken relative to the
 * first frame's, so that the variance between frames is no difference of large numbers; a later frame never enters an earlier result.
 */
export function overTime({ mean, variance }: FrameMoments, reach: number | "all"): FrameMoments {
  const [batch, frames, groups] = mean.dims("B T G");
  const { dtype, device } = mean;
  return scope(() => {
    const index = arange(frames, undefined, { device });
    const age_TT = index.unsqueeze(1).sub(index.unsqueeze(0));
    const seen_TT = reach === "all" ? age_TT.eq(age_TT) : age_TT.ge(0).logicalAnd(age_TT.lt(reach));
    const weights_TT = seen_TT.to(dtype).div(seen_TT.to(dtype).sum([1], { keepdim: true }));
    // A product of elements: a matrix product would be rounded to half precision under autocast.
    const average = (x_BTG: Tensor): Tensor => x_BTG.unsqueeze(1).mul(weights_TT.unsqueeze(-1)).sum([2]);
    const origin_B1G = mean.narrow(1, 0, 1);
    const offset_BTG = mean.sub(origin_B1G);
    const away_BTG = average(offset_BTG);
    const between_BTG = average(offset_BTG.square()).sub(away_BTG.square()).clamp({ min: 0 });
    return {
      mean: away_BTG.add(origin_B1G).reshape([batch * frames, groups]),
      variance: average(variance)
        .add(between_BTG)
        .reshape([batch * frames, groups]),
    };
  });
}

/** The newest `most` frames, in memory that holds nothing else. */
export const newestOf = ({ mean, variance }: FrameMoments, most: number): FrameMoments => {
  const newest = (x_BTG: Tensor): Tensor =>
    x_BTG.size(1) <= most ? x_BTG : x_BTG.narrow(1, x_BTG.size(1) - most, most).clone();
  return { mean: newest(mean), variance: newest(variance) };
};

/** The moments that were kept, `[B P G]`, followed by those of one more frame, `[B G]`: the newest `most`. */
export function withNewest(past: LayerMemory, own: FrameMoments, most: number): FrameMoments {
  const [mean_BPG, variance_BPG] = past as [Tensor, Tensor];
  const appended = (x_BPG: Tensor, x_BG: Tensor): Tensor => cat([x_BPG, x_BG.unsqueeze(1)], { dim: 1 });
  return scope(() =>
    newestOf({ mean: appended(mean_BPG, own.mean), variance: appended(variance_BPG, own.variance) }, most),
  );
}

/** What is kept of `[B P G]`: the frames' moments, and those of all of them together, `[B G]`, which the next frame is taken with. */
export function remembered(frames_BPG: FrameMoments): LayerMemory {
  return scope(() => {
    const { mean, variance } = frames_BPG;
    const origin_B1G = mean.narrow(1, 0, 1);
    const offset_BPG = mean.sub(origin_B1G);
    const away_B1G = offset_BPG.mean([1], { keepdim: true });
    const between_BG = offset_BPG.sub(away_B1G).square().mean([1]);
    return [mean, variance, away_B1G.add(origin_B1G).squeeze(1), variance.mean([1]).add(between_BG)];
  });
}

/**
 * A new frame `[R*B G]` taken together with its past. With share a = 1 / (P + 1) of the new frame the joint mean is m + a (x - m) and the
 * joint variance (1 - a) v + a w + a (1 - a) (x - m)^2 (Chan, Golub, LeVeque 1979).
 */
export function besidePast(own: FrameMoments, past: LayerMemory): FrameMoments {
  const [mean_BPG, , pastMean_BG, pastVariance_BG] = past as [Tensor, Tensor, Tensor, Tensor];
  const [batch, frames, groups] = mean_BPG.dims("B P G");
  const share = 1 / (frames + 1);
  return scope(() => {
    const mean = branchesOf(own.mean, batch);
    const away = mean.sub(pastMean_BG);
    const variance = pastVariance_BG.lerp(branchesOf(own.variance, batch), share);
    return {
      mean: pastMean_BG.add(away, { alpha: share }).reshape([-1, groups]),
      variance: variance.addcmul(away, away, { value: share * (1 - share) }).reshape([-1, groups]),
    };
  });
}
