// The projections at both ends of a transformer, on tokens.
import { Conv1d, Conv2d, Linear, linear, type Tensor } from "@vid2world/torch";

/** A linear map, possibly stored as a convolution of kernel one, as the checkpoints without `useLinear` have it. */
export type Projection = Linear | Conv1d | Conv2d;

/** How the weight is stored: a matrix, or a convolution of kernel 1 over one or two axes. */
export type ProjectionKind = "linear" | "conv1d" | "conv2d";

/** Makes a projection of the given kind. */
export function makeProjection(kind: ProjectionKind, inWidth: number, outWidth: number): Projection {
  if (kind === "linear") return new Linear(inWidth, outWidth);
  return kind === "conv1d" ? new Conv1d(inWidth, outWidth, 1) : new Conv2d(inWidth, outWidth, 1);
}

/** Applies a projection of any kind to tokens: `[... C] -> [... Co]`. */
export function project(projection: Projection, x: Tensor): Tensor {
  const { weight, bias } = projection;
  const matrix = weight.shape.length === 2 ? weight : weight.flatten({ startDim: 1 });
  return linear(x, matrix, bias === undefined ? {} : { bias });
}
