// Group normalisation as all parts of the model use it: in float32, and by the faster of two ways on channels-last maps.
import { groupNorm, isGradEnabled, nativeGroupNorm, ones, scope, zeros, type Tensor } from "@vid2world/torch";

/** float64 stays as it is; half precision is widened. */
export const wideType = (x: Tensor): "float32" | "float64" => (x.dtype === "float64" ? "float64" : "float32");

/** What a group normalisation needs beside its input. */
export interface GroupNormParts {
  readonly groups: number;
  readonly eps: number;
  readonly weight: Tensor | undefined;
  readonly bias: Tensor | undefined;
}

/** `[N C ...] -> [N C ...]` with statistics and arithmetic in float32 (or float64), returned in the input's type and memory format. */
export function wideGroupNorm(x: Tensor, { groups, eps, weight, bias }: GroupNormParts): Tensor {
  if (x.dtype === "bfloat16" && x.device === "cpu" && weight?.dtype === "float32" && kernelWidens()) {
    return groupNorm(x, groups, { weight, bias, eps });
  }
  const dtype = wideType(x);
  const options = { weight: weight?.to(dtype), bias: bias?.to(dtype), eps };
  const wide = x.to(dtype);
  const y = isSlowOnChannelsLast(x, groups)
    ? groupNorm(wide.contiguous(), groups, options).contiguous({ memoryFormat: "channels_last" })
    : groupNorm(wide, groups, options);
  return y.to(x.dtype);
}

/** Mean and (biased) variance of something. */
export interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Moments of every group of channels of every item, `[N C H W] -> [N G]` each; `x` is float32 or float64. */
export function groupMoments(x: Tensor, groups: number): Moments {
  const [items, channels, height, width] = x.dims("N C H W");
  if (!isGradEnabled() && !isSlowOnChannelsLast(x, groups)) {
    // The normalisation's own kernel finds both in one pass (and, unasked, the normalised features, which is still the fastest way).
    return scope(() => {
      const memoryFormat = x.strides[1] === 1 ? "channels_last" : "contiguous";
      const [, mean, rstd_NG] = nativeGroupNorm(
        x.contiguous({ memoryFormat }),
        undefined,
        undefined,
        items,
        channels,
        height * width,
        groups,
        EPS,
      );
      return { mean, variance: rstd_NG.pow(-2).sub(EPS).clamp({ min: 0 }) };
    });
  }
  return scope(() => {
    const perGroup = (x_NC: Tensor): Tensor => x_NC.unflatten(1, [groups, channels / groups]).mean([2]);
    const mean = perGroup(x.mean([2, 3]));
    return {
      mean,
      variance: perGroup(x.square().mean([2, 3]))
        .sub(mean.square())
        .clamp({ min: 0 }),
    };
  });
}

/** Keeps the reciprocal of a constant group finite. */
const EPS = 1e-6;

let widens: boolean | undefined;

/**
 * From 2.0 on, libtorch's CPU kernel takes bfloat16 with float32 weights and widens one vector at a time: no float32 copy of the
 * activations. 1.13 refuses the mixture.
 */
function kernelWidens(): boolean {
  widens ??= scope(() => {
    try {
      groupNorm(zeros([1, 2, 1, 1], { dtype: "bfloat16" }), 1, { weight: ones([2]) });
      return true;
    } catch {
      return false;
    }
  });
  return widens;
}

const VECTOR = 8;
const LARGE_MAP = 1024;

/**
 * libtorch's CPU kernel for small channels-last maps runs over each group's channels in steps of a vector: with fewer than eight channels
 * (or a remainder) per group it takes several times as long as two copies and the kernel for the other layout (seen on libtorch 1.13.1).
 */
function isSlowOnChannelsLast(x: Tensor, groups: number): boolean {
  if (x.device !== "cpu" || x.rank !== 4 || x.strides[1] !== 1) return false;
  return (x.size(1) / groups) % VECTOR !== 0 && x.size(2) * x.size(3) < LARGE_MAP;
}
