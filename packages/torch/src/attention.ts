// Attention over tokens: libtorch's fused operator where it has one, the same formula in single operations otherwise.
// Axes: L queries, S keys and values, E width of a head; any axes (batch, heads) come before.

import { invalid } from "@vid2world/formats";
import { has } from "./binding.js";
import { arange, full } from "./creation.js";
import { scaledDotProductAttention as fusedAttention } from "./generated/ops.js";
import { scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

const hasFused = has("scaled_dot_product_attention");

/**
 * The fused operator wherever libtorch has it, but for bfloat16 on the CPU: with many short sequences (attention over time at every
 * position of a picture) its blocks are so small that plain batched products are faster, forward and backward together.
 */
const prefersFused = (q: Tensor): boolean => hasFused && !(q.device === "cpu" && q.dtype === "bfloat16");

/** Options of `scaledDotProductAttention`. */
export interface AttentionOptions {
  /**
   * Which keys a query sees, broadcast to [... L S]: bool (true: sees it) or floating point (added to the scores). A query that a bool
   * mask lets see nothing yields zeros.
   */
  readonly attnMask?: Tensor | undefined;
  /** Query i sees only keys up to `i + queryOffset`. Default false. */
  readonly isCausal?: boolean;
  /** Position of the first query among the keys: with a cache of n earlier tokens, n. Only with `isCausal`. Default 0. */
  readonly queryOffset?: number;
  /** Factor of the scores. Default 1 / sqrt(E). */
  readonly scale?: number | undefined;
  /** Which way to compute. Default: "fused" where libtorch has it. Both give the same numbers to rounding. */
  readonly implementation?: "fused" | "formula";
}

/**
 * `softmax(scale q k^T + mask) v` (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).
 * q [... L E], k [... S E], v [... S Ev] -> [... L Ev]
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { attnMask, isCausal = false, queryOffset = 0, scale } = options;
  const { implementation = prefersFused(q) ? "fused" : "formula" } = options;
  if (queryOffset !== 0 && !isCausal) throw invalid("queryOffset", "0 without isCausal", queryOffset);
  if (!Number.isInteger(queryOffset) || queryOffset < 0) throw invalid("queryOffset", "an integer >= 0", queryOffset);
  if (isCausal && attnMask !== undefined)
    throw invalid("attnMask", "none with isCausal; put both into the mask", attnMask);
  return scope(() => {
    const seesAll = !isCausal || queryOffset >= k.size(-2) - 1;
    if (implementation === "formula") {
      return byFormula(q, k, v, seesAll ? attnMask : causalBias(q, k, queryOffset), scale);
    }
    // The operator's own causal flag aligns the first query with the first key.
    const useFlag = !seesAll && queryOffset === 0;
    const mask = seesAll || useFlag ? attnMask : causalMask(q, k, queryOffset);
    return fusedAttention(q, k, v, { attnMask: mask, isCausal: useFlag, scale });
  });
}

/** bool [L S], true where query i + offset is not before key j. */
function causalMask(q: Tensor, k: Tensor, offset: number): Tensor {
  const { device } = q;
  const queries = arange(offset, offset + q.size(-2), { device });
  const keys = arange(0, k.size(-2), { device });
  return queries.unsqueeze(1).ge(keys.unsqueeze(0));
}

/** The same as a term to add to the scores. Every query sees a key, so no row needs the care that byFormula takes of bool masks. */
function causalBias(q: Tensor, k: Tensor, offset: number): Tensor {
  const { dtype, device } = q;
  return full([q.size(-2), k.size(-2)], lowest(q), { dtype, device }).triu({ diagonal: offset + 1 });
}

function byFormula(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | undefined,
  scale = 1 / Math.sqrt(q.size(-1)),
): Tensor {
  // Scaling the queries instead of the scores: L x E products are fewer than L x S, and half precision does not overflow.
  const scores = q.mul(scale).matmul(k.transpose(-2, -1));
  if (mask === undefined) return scores.softmax(-1).matmul(v);
  if (mask.dtype !== "bool") return scores.add(mask).softmax(-1).matmul(v);
  // The lowest finite number instead of -infinity keeps rows without any key finite, also in the backward pass.
  const hidden = mask.logicalNot();
  const weights = scores.maskedFill(hidden, lowest(scores)).softmax(-1).maskedFill(hidden, 0);
  return weights.matmul(v);
}

function lowest(x: Tensor): number {
  switch (x.dtype) {
    case "float16":
      return -65504;
    case "bfloat16":
      return -3.3895313892515355e38;
    default:
      return -3.4028234663852886e38;
  }
}
