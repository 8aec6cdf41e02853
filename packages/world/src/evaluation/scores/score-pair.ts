// All scores of one pair of clips: per picture where pictures are compared, features where sets of clips are.
// Axes: T frames, C = 3 colours, H height, W width, D features.
import { type Device, noGrad, scope, type Tensor } from "@vid2world/torch";
import { meanSquaredError, psnr } from "../metrics/psnr.js";
import { ssim } from "../metrics/ssim.js";
import type { Environment, ScoredPart } from "./environments.js";
import type { MetricName, MetricNetworks } from "./metric-networks.js";
import type { ReadPair } from "./read-pair.js";

/** Metrics that compare pictures. */
export type PictureMetric = Exclude<MetricName, "fid" | "fvd">;

/** The scores of a clip in one part: per scored picture, in order of time. */
export type PictureScores = Readonly<Partial<Record<PictureMetric, readonly number[]>>>;

/** Features of one clip, for the Frechet distances; the caller frees them. */
export interface ClipFeatures {
  /** [T D] */
  readonly truth_ND: Tensor;
  readonly prediction_ND: Tensor;
}

/** What one pair of clips is worth in one part. */
export interface PartScores {
  readonly pictures: PictureScores;
  readonly fid?: ClipFeatures;
  readonly fvd?: ClipFeatures;
}

/** Scores a pair in every part of the environment, with the networks that there are. */
export function scorePair(
  clips: Pick<ReadPair, "truth_TCHW" | "prediction_TCHW">,
  environment: Environment,
  metrics: readonly MetricName[],
  networks: MetricNetworks,
  device: Device,
): PartScores[] {
  return noGrad(() => environment.parts.map((part) => scorePart(clips, part, metrics, networks, device)));
}

function scorePart(
  { truth_TCHW, prediction_TCHW }: Pick<ReadPair, "truth_TCHW" | "prediction_TCHW">,
  part: ScoredPart,
  metrics: readonly MetricName[],
  networks: MetricNetworks,
  device: Device,
): PartScores {
  const frames = truth_TCHW.size(0);
  const pick = (clip_TCHW: Tensor, indices: readonly number[]): Tensor =>
    clip_TCHW.narrow(0, indices[0] ?? 0, indices.length).to(device);
  const features = (compute: (clip_TCHW: Tensor) => Tensor, indices: readonly number[]): ClipFeatures =>
    scope(() => ({
      truth_ND: compute(pick(truth_TCHW, indices)).to("cpu"),
      prediction_ND: compute(pick(prediction_TCHW, indices)).to("cpu"),
    }));
  const pictures = scope(() => {
    const indices = part.pictures(frames);
    return comparePictures(pick(prediction_TCHW, indices), pick(truth_TCHW, indices), metrics, networks);
  });
  const { fid, fvd } = networks;
  const clipFrames = part.clip?.(frames);
  return {
    pictures,
    ...(fid && { fid: features((clip) => fid.features(clip), part.pictures(frames)) }),
    ...(fvd && clipFrames && { fvd: features((clip) => fvd.features(clip.unsqueeze(0)), clipFrames) }),
  };
}

function comparePictures(
  prediction_TCHW: Tensor,
  truth_TCHW: Tensor,
  metrics: readonly MetricName[],
  { lpips, dreamsim }: MetricNetworks,
): PictureScores {
  const numbers = (scores_T: Tensor): number[] => Array.from(scores_T.to("cpu").toTypedArray() as Float64Array);
  const [prediction, truth] = [unit(prediction_TCHW), unit(truth_TCHW)];
  const computed: Partial<Record<PictureMetric, () => number[]>> = {
    // Of values in [-1, 1], as published; the others but LPIPS of values in [0, 1].
    mse: () => numbers(meanSquaredError(prediction_TCHW, truth_TCHW)),
    psnr: () => numbers(psnr(prediction, truth)),
    ssim: () => numbers(ssim(prediction, truth)),
    ...(lpips && { lpips: () => numbers(lpips.distance(prediction_TCHW, truth_TCHW)) }),
    ...(dreamsim && {
      dreamsim: () => {
        const [, , height, width] = prediction.dims("T C H W");
        const embed = (x: Tensor): Tensor => dreamsim.embed(truncatedBytes(x), { height, width });
        return numbers(dreamsim.distance(embed(prediction), embed(truth)));
      },
    }),
  };
  const scores: Partial<Record<PictureMetric, number[]>> = {};
  for (const [name, compute] of Object.entries(computed) as [PictureMetric, () => number[]][])
    if (metrics.includes(name)) scores[name] = scope(compute);
  return scores;
}

/** [-1, 1] to [0, 1], clamped. */
const unit = (x: Tensor): Tensor => x.add(1).div(2).clamp({ min: 0, max: 1 });

/** [T 3 H W] in [0, 1] to bytes T*H*W*3; the fraction is cut off, as published. */
const truncatedBytes = (x: Tensor): Uint8Array =>
  x.mul(255).to("uint8").permute([0, 2, 3, 1]).contiguous().to("cpu").toTypedArray() as Uint8Array;
