// Frechet distances of many samples of the same vectors: intervals and paired tests take hundreds, so that each must be cheap.
// Axes: N vectors, D features, K leading directions; R rows that a sample holds.
import { cat, fromTypedArray, keep, linalgEigh, linalgSvdvals, scope, tensor, type Tensor } from "@vid2world/torch";
import { frechetDistanceWeighted } from "./frechet.js";

/** Up to so many vectors, or features, every sample is exact: its time grows with the cube of the smaller of the two. */
export const exactLimit = 512;
/** Above, samples are compared in so many directions: those in which the vectors vary most. */
export const leadingDirections = 128;
/** Vectors of either set that these directions are of, evenly spaced. */
const surveyed = 1024;
/** Distances of samples. Free it by `dispose`. */
export interface FrechetSampler extends Disposable {
  /** The distance where row i of both sets counts `weights[i]` times (whole numbers, at least 2 in all). */
  distance(weights: readonly number[]): number;
  /** Share of the vectors' variance that the directions hold in which distances are taken; 1: all of it, they are exact. */
  readonly share: number;
  dispose(): void;
}

/** Prepares rows, which come in parts of [N D] each, of both sets alike; samples hold about `size` of them. Values are copied. */
export function frechetSampler(truth: readonly Tensor[], prediction: readonly Tensor[], size: number): FrechetSampler {
  const features = truth[0]?.size(1) ?? 0;
  const exact = Math.min(size, features) <= exactLimit;
  const { directions_DK, share } = exact ? { directions_DK: undefined, share: 1 } : leading(truth, prediction);
  using basis_DK = directions_DK;
  using x_ND = prepared(truth, basis_DK);
  using y_ND = prepared(prediction, basis_DK);
  return exactSampler(x_ND, y_ND, size, share);
}

/** All rows in float64, seen along these directions (all of them where none are given). */
function prepared(parts: readonly Tensor[], directions_DK: Tensor | undefined): Tensor {
  const wide = (part_ND: Tensor): Tensor => part_ND.detach().to("float64");
  return scope(
    () =>
    keep(cat(parts.map((part_ND) => scope(() => (directions_DK ? wide(part_ND).matmul(directions_DK) : wide(part_ND).clone()))))), // prettier-ignore
  );
}

function exactSampler(truth_ND: Tensor, prediction_ND: Tensor, size: number, share: number): FrechetSampler {
  const [x_ND, y_ND] = scope(() => {
    const [x_ND, y_ND] = [truth_ND.detach().to("float64"), prediction_ND.detach().to("float64")];
    const middle_D = x_ND
      .mean([0])
      .add(y_ND.mean([0]))
      .div(2);
    return [keep(x_ND.sub(middle_D)), keep(y_ND.sub(middle_D))] as const;
  });
  if (size > x_ND.size(1)) {
    const dispose = disposer([x_ND, y_ND]);
    return {
      ...{ share, dispose, [Symbol.dispose]: dispose },
      distance: (weights) => frechetDistanceWeighted(x_ND, weights, y_ND, weights),
    };
  }
  const products = scope(() => ({
    xx: keep(x_ND.matmul(x_ND.transpose(0, 1))),
    yy: keep(y_ND.matmul(y_ND.transpose(0, 1))),
    xy: keep(x_ND.matmul(y_ND.transpose(0, 1))),
  }));
  x_ND.dispose();
  y_ND.dispose();
  const dispose = disposer(Object.values(products));
  return { share, dispose, [Symbol.dispose]: dispose, distance: (weights) => distanceOfProducts(products, weights) };
}

/** Inner products of all rows, [N N] each: with fewer rows than features they hold all that a distance needs. */
interface Products {
  readonly xx: Tensor;
  readonly yy: Tensor;
  readonly xy: Tensor;
}

/**
 * The distance from inner products alone. Means and traces are sums of them; the trace of (A B)^(1/2) is the sum of the singular values of
 * a b^T (see `frechetDistance`), and a b^T is `xy`, centred and weighted.
 */
function distanceOfProducts(all: Products, weights: readonly number[]): number {
  return scope(() => {
    const chosen = weights.flatMap((weight, row) => (weight > 0 ? [row] : []));
    const rows = tensor(chosen, { dtype: "int64" });
    const count = weights.reduce((sum, weight) => sum + weight, 0);
    const of = (products: Tensor): Tensor => products.indexSelect(0, rows).indexSelect(1, rows);
    const [xx, yy, xy] = [of(all.xx), of(all.yy), of(all.xy)];
    const weights_R1 = fromTypedArray(Float64Array.from(chosen, (row) => weights[row] ?? 0), [chosen.length, 1]); // prettier-ignore
    const weights_1R = weights_R1.transpose(0, 1);
    /** Row and column means, and the mean of all. */
    const [left_R1, right_1R] = [xy.matmul(weights_R1).div(count), weights_1R.matmul(xy).div(count)];
    const meanOf = (products: Tensor): Tensor =>
      weights_1R
        .matmul(products)
        .matmul(weights_R1)
        .div(count ** 2);
    const [meanXX, meanYY, meanXY] = [meanOf(xx), meanOf(yy), meanOf(xy)];
    const traceOf = (products: Tensor, mean: Tensor): Tensor =>
      weights_R1.mul(products.diagonal().unsqueeze(1)).sum().sub(mean, { alpha: count });
    const roots_R1 = weights_R1.div(count - 1).sqrt();
    const centred = xy.sub(left_R1).sub(right_1R).add(meanXY).mul(roots_R1).mul(roots_R1.transpose(0, 1));
    const traces = traceOf(xx, meanXX)
      .add(traceOf(yy, meanYY))
      .div(count - 1);
    const means = meanXX.add(meanYY).sub(meanXY, { alpha: 2 });
    return means.add(traces).sub(linalgSvdvals(centred).sum(), { alpha: 2 }).item();
  });
}

/** The directions in which some of the vectors of both sets together vary most, orthonormal [D K], and their share of the variance. */
function leading(
  truth: readonly Tensor[],
  prediction: readonly Tensor[],
): { readonly directions_DK: Tensor; readonly share: number } {
  return scope(() => {
    const some_PD = cat([...survey(truth), ...survey(prediction)]);
    const away_PD = some_PD.sub(some_PD.mean([0]));
    const [values_D, vectors_DD] = linalgEigh(away_PD.transpose(0, 1).matmul(away_PD)); // ascending
    const first = values_D.size(0) - leadingDirections;
    const share = values_D.narrow(0, first, leadingDirections).sum().div(values_D.sum()).item();
    return { directions_DK: keep(vectors_DD.narrow(1, first, leadingDirections).clone()), share };
  });
}

/** Rows of all parts, evenly spaced over all of them together, in float64. */
function survey(parts: readonly Tensor[]): Tensor[] {
  const step = Math.max(1, Math.floor(parts.reduce((sum, part_ND) => sum + part_ND.size(0), 0) / surveyed));
  let offset = 0;
  return parts.flatMap((part_ND) => {
    const rows = Array.from({ length: part_ND.size(0) }, (_, row) => row).filter((row) => (offset + row) % step === 0);
    offset += part_ND.size(0);
    return rows.length > 0 ? [part_ND.indexSelect(0, tensor(rows, { dtype: "int64" })).to("float64")] : [];
  });
}

const disposer = (tensors: readonly Tensor[]) => (): void => {
  for (const each of tensors) each.dispose();
};
