// The Frechet distance between two sets of features, each taken for a Gaussian: the distance of FID (arXiv:1706.08500) and FVD.
// Axes: N samples, D features, R rows of a square root.
import { fromTypedArray, linalgEigh, linalgSvdvals, scope, ShapeError, tensor, type Tensor } from "@vid2world/torch";
import type { FeatureStatistics } from "./feature-statistics.js";

/**
 * |mean_a - mean_b|^2 + trace(A + B - 2 (A B)^(1/2)) with the covariances A and B (divided by N - 1), in float64: [N D], [M D] -> number.
 * The trace of the root is the sum of the singular values of a b^T where A = a^T a and B = b^T b. That is exact for any number of samples,
 * where a matrix root of A B is only approximate once there are fewer samples than features.
 */
export function frechetDistance(a_ND: Tensor, b_MD: Tensor): number {
  const [samples, features] = a_ND.dims("N D");
  const [others, width] = b_MD.dims("M D");
  if (features !== width || samples < 2 || others < 2) {
    throw new ShapeError(
      `frechetDistance: features are [${samples}, ${features}] and [${others}, ${width}]; ` +
        "both need the same width and at least 2 samples",
    );
  }
  return scope(() => distanceOf(gaussianOf(a_ND), gaussianOf(b_MD)));
}

/**
 * The same of vectors that count several times or not at all, as resampling draws them: row i of [N D] and [M D] counts `weights[i]` times.
 * Rows are left out rather than repeated, so it takes no longer than the rows that are drawn.
 */
export function frechetDistanceWeighted(
  a_ND: Tensor,
  aWeights: readonly number[],
  b_MD: Tensor,
  bWeights: readonly number[],
): number {
  return scope(() => distanceOf(weightedGaussianOf(a_ND, aWeights), weightedGaussianOf(b_MD, bWeights)));
}

function distanceOf(a: Gaussian, b: Gaussian): number {
  return scope(() => {
    const overlap = linalgSvdvals(a.root_RD.matmul(b.root_RD.transpose(0, 1)));
    const means = a.mean_D.sub(b.mean_D).square().sum();
    const traces = a.root_RD.square().sum().add(b.root_RD.square().sum());
    return means.add(traces).sub(overlap.sum(), { alpha: 2 }).item();
  });
}

/** The same of statistics: for sets that are too large to be kept. */
export function frechetDistanceOf(a: FeatureStatistics, b: FeatureStatistics): number {
  if (a.width !== b.width)
    throw new ShapeError(`frechetDistance: statistics are of ${a.width} and ${b.width} features`);
  return scope(() => distanceOf(gaussianOfStatistics(a), gaussianOfStatistics(b)));
}

interface Gaussian {
  readonly mean_D: Tensor;
  /** root^T root is the covariance. */
  readonly root_RD: Tensor;
}

function gaussianOf(x_ND: Tensor): Gaussian {
  const wide_ND = x_ND.detach().to("float64");
  const mean_D = wide_ND.mean([0]);
  return { mean_D, root_RD: smallerRoot(wide_ND.sub(mean_D).div(Math.sqrt(wide_ND.size(0) - 1))) };
}

function weightedGaussianOf(x_ND: Tensor, weights: readonly number[]): Gaussian {
  const rows = weights.flatMap((weight, row) => (weight > 0 ? [row] : []));
  const samples = weights.reduce((sum, weight) => sum + weight, 0);
  const drawn_ND = x_ND.indexSelect(0, tensor(rows, { dtype: "int64" })).to("float64");
  const weights_N1 = fromTypedArray(
    Float64Array.from(rows, (row) => weights[row] ?? 0),
    [rows.length, 1],
  );
  const mean_D = drawn_ND.mul(weights_N1).sum([0]).div(samples);
  const root_ND = drawn_ND.sub(mean_D).mul(weights_N1.div(samples - 1).sqrt());
  return { mean_D, root_RD: smallerRoot(root_ND) };
}

/** With many samples a square root of the covariance is smaller than the samples themselves. */
function smallerRoot(root_ND: Tensor): Tensor {
  const [samples, features] = root_ND.dims("N D");
  return samples <= features ? root_ND : rootOf(root_ND.transpose(0, 1).matmul(root_ND));
}

function gaussianOfStatistics(statistics: FeatureStatistics): Gaussian {
  return { mean_D: statistics.mean_D, root_RD: rootOf(statistics.covariance_DD()) };
}

/** A square root of a covariance; eigenvalues that rounding made negative count as 0. */
function rootOf(covariance_DD: Tensor): Tensor {
  const [values_D, vectors_DD] = linalgEigh(covariance_DD);
  return vectors_DD.mul(values_D.clamp({ min: 0 }).sqrt()).transpose(0, 1);
}
