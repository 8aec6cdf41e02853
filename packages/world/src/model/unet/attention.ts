// Multi-head attention over tokens: within a frame, over time at one position, or to the tokens of a context.
// Axes: F = B * T folded frames, N tokens (positions) per frame, C width, L context tokens, D context width.
import {
  Linear,
  Module,
  arange,
  cat,
  isGradEnabled,
  rearrange,
  scaledDotProductAttention,
  scope,
  type Tensor,
} from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

import type { Window } from "./frames.js";
import { branchesOf, type LayerMemory } from "./time-pass.js";

/** Options of {@link Attention}. */
export interface AttentionOptions {
  readonly heads: number;
  readonly headChannels: number;
  /** Width of the tokens attended to; left out, the queries' own (self attention). */
  readonly contextWidth?: number;
  /** A second pair of keys and values, for image tokens; its result is added to the first's. */
  readonly image?: boolean;
}

/** A context that was split into what all frames share and what belongs to the image. */
export interface SplitContext {
  /** `[B Lt D]`: text tokens, the same for all frames of a clip. */
  readonly text: Tensor;
  /** `[B Li D]`: all image tokens for every frame of a clip; or `[F Lf D]`: each frame's own. */
  readonly image: Tensor | undefined;
  /** Present where D holds keys and values made before (`folded-context.ts`): where each attention's begin. Absent: they are tokens. */
  readonly places?: ReadonlyMap<object, number>;
}

/** Queries, keys and values without bias, an output projection with one. */
export class Attention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly imageKey: Linear | undefined;
  readonly imageValue: Linear | undefined;
  readonly output: Linear;
  /** Width of the tokens attended to; absent: the queries' own. */
  readonly contextWidth: number | undefined;
  readonly #headChannels: number;

  constructor(width: number, options: AttentionOptions) {
    super();
    const inner = options.heads * options.headChannels;
    this.contextWidth = options.contextWidth;
    const contextWidth = options.contextWidth ?? width;
    const projection = (): Linear => new Linear(contextWidth, inner, { bias: false });
    this.query = new Linear(width, inner, { bias: false });
    this.key = projection();
    this.value = projection();
    this.imageKey = options.image === true ? projection() : undefined;
    this.imageValue = options.image === true ? projection() : undefined;
    this.output = new Linear(inner, width);
    this.#headChannels = options.headChannels;
  }

  /** Attention within each item: `[F N C] -> [F N C]`. */
  attendWithin(x_FNC: Tensor): Tensor {
    return scope(() => {
      const query = this.query.forward(x_FNC);
      return this.output.forward(this.#attend(query, this.key.forward(x_FNC), this.value.forward(x_FNC)));
    });
  }

  /**
   * Attention to a context: `[F N C] -> [F N C]`. Where frames share a context its keys and values are computed once, and the queries of
   * all frames of a clip attend to them together: cross attention has no order, so the frames can be one long list of tokens.
   */
  attendTo(x_FNC: Tensor, { text, image, places }: SplitContext): Tensor {
    return scope(() => {
      const query_FNC = this.query.forward(x_FNC);
      const attend = (tokens_GLD: Tensor, of: "text" | "image"): Tensor =>
        this.#attendShared(query_FNC, ...this.keysAndValues(tokens_GLD, of, places?.get(this)));
      const fromText = attend(text, "text");
      const both = image === undefined || !this.imageKey ? fromText : fromText.add(attend(image, "image"));
      return this.output.forward(both);
    });
  }

  /** Keys and values of tokens `[G L D]`, `[G L C]` each; or those that were made before and begin at `place`. */
  keysAndValues(tokens_GLD: Tensor, of: "text" | "image", place?: number): [Tensor, Tensor] {
    const [key, value] = of === "text" ? [this.key, this.value] : [this.imageKey, this.imageValue];
    if (!key || !value) throw invalid("of", '"text", as this attention has no keys for image tokens', of);
    if (place === undefined) return [key.forward(tokens_GLD), value.forward(tokens_GLD)];
    const width = key.weight.size(0);
    return [tokens_GLD.narrow(-1, place, width), tokens_GLD.narrow(-1, place + width, width)];
  }

  /**
   * Attention over time at every position: `[F N C] -> [F N C]`; with `causal`, a frame sees itself and those of the window's reach before
   * it. Nothing tells frames apart but what they hold, so a frame that leaves the reach is only forgotten.
   */
  attendOverTime(x_FNC: Tensor, window: Window, causal: boolean): Tensor {
    const { batch, frames, reach = frames, time } = window;
    const sizes = { b: batch, d: this.#headChannels };
    const split = (y_FNC: Tensor): Tensor => rearrange(y_FNC, "(b t) n (h d) -> (b n) h t d", sizes);
    return scope(() => {
      const query = this.query.forward(x_FNC);
      const key = this.key.forward(x_FNC);
      const value = this.value.forward(x_FNC);
      const past = time?.recall(this);
      time?.keep(this, () => [key, value].map((x, i) => remember(x, batch, reach - 1, past?.[i])));
      if (past) return this.output.forward(this.#attendToPast(query, key, value, past));
      const options = frames > reach ? { attnMask: reachMask(frames, reach, x_FNC) } : { isCausal: causal };
      const mixed = scaledDotProductAttention(split(query), split(key), split(value), options);
      return this.output.forward(rearrange(mixed, "(b n) h t d -> (b t) n (h d)", { b: batch }));
    });
  }

  /**
   * One frame attends to its past and itself. A single query per position is no work for a matrix product: with keys stored frame by frame
   * the scores are one product of elements and a sum, which reads the past once and copies nothing.
   */
  #attendToPast(query_FNC: Tensor, key_FNC: Tensor, value_FNC: Tensor, past: LayerMemory): Tensor {
    const [pastKey_BPNC, pastValue_BPNC] = past as [Tensor, Tensor];
    const batch = pastKey_BPNC.size(0);
    const d = this.#headChannels;
    const heads = (x: Tensor): Tensor => x.unflatten(-1, [x.size(-1) / d, d]);
    const frame = (x_FNC: Tensor): Tensor => heads(branchesOf(x_FNC, batch).unsqueeze(2));
    const query = frame(query_FNC.mul(1 / Math.sqrt(d)));
    const score = (key: Tensor): Tensor => query.mul(key).sum([-1], { keepdim: true });
    const scores = cat([score(heads(pastKey_BPNC).unsqueeze(0)), score(frame(key_FNC))], { dim: 2 });
    const weights = scores.softmax(2);
    const frames = pastKey_BPNC.size(1);
    const fromPast = weights.narrow(2, 0, frames).mul(heads(pastValue_BPNC)).sum([2]);
    const own = weights.select(2, frames).mul(frame(value_FNC).squeeze(2));
    return fromPast.add(own).reshape(query_FNC.shape);
  }

  #attendShared(query_FNC: Tensor, key_GLC: Tensor, value_GLC: Tensor): Tensor {
    const [frames, positions, width] = query_FNC.dims("F N C");
    const groups = key_GLC.size(0);
    const query = query_FNC.reshape([groups, (frames / groups) * positions, width]);
    return this.#attend(query, key_GLC, value_GLC).reshape([frames, positions, width]);
  }

  #attend(query_XNC: Tensor, key_XLC: Tensor, value_XLC: Tensor): Tensor {
    // In one piece, as products of matrices that lie otherwise round otherwise, and how they lie depends on the batch.
    const piece = (y: Tensor): Tensor => (isGradEnabled() ? y : y.contiguous());
    const split = (y_XNC: Tensor): Tensor => piece(rearrange(y_XNC, "x n (h d) -> x h n d", { d: this.#headChannels }));
    const mixed = scaledDotProductAttention(split(query_XNC), split(key_XLC), split(value_XLC));
    return rearrange(mixed, "x h n d -> x n (h d)");
  }
}

/** The newest `most` of the frames kept so far and those of `x [F N C]`: `[B P N C]`, in memory that holds nothing else. */
function remember(x_FNC: Tensor, batch: number, most: number, past_BPNC: Tensor | undefined): Tensor {
  return scope(() => {
    const x_BTNC = x_FNC.unflatten(0, [batch, x_FNC.size(0) / batch]);
    const newest = (y: Tensor, count: number): Tensor => y.narrow(1, y.size(1) - count, count);
    if (past_BPNC) return cat([newest(past_BPNC, Math.min(most - 1, past_BPNC.size(1))), x_BTNC], { dim: 1 });
    // Keys and values are nobody else's: where all are kept they need no copy.
    return x_BTNC.size(1) <= most ? x_BTNC : newest(x_BTNC, most).clone({ memoryFormat: "contiguous" });
  });
}

/** bool `[T T]`: a frame sees itself and the `reach - 1` before it. */
function reachMask(frames: number, reach: number, { device }: Tensor): Tensor {
  const index = arange(frames, undefined, { device });
  const age = index.unsqueeze(1).sub(index.unsqueeze(0));
  return age.ge(0).logicalAnd(age.lt(reach));
}
