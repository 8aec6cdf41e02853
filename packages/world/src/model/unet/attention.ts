// Multi-head attention over tokens: within a frame, over time at one position, or to the tokens of a context.
// Axes: F = B * T folded frames, N tokens (positions) per frame, C width, L context tokens, D context width.
import { Linear, Module, rearrange, scaledDotProductAttention, scope, type Tensor } from "@vid2world/torch";

import type { Window } from "./frames.js";

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
}

/** Queries, keys and values without bias, an output projection with one. */
export class Attention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly imageKey: Linear | undefined;
  readonly imageValue: Linear | undefined;
  readonly output: Linear;
  readonly #headChannels: number;

  constructor(width: number, options: AttentionOptions) {
    super();
    const inner = options.heads * options.headChannels;
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
  attendTo(x_FNC: Tensor, context: SplitContext): Tensor {
    return scope(() => {
      const query_FNC = this.query.forward(x_FNC);
      const fromText = this.#attendShared(query_FNC, this.key.forward(context.text), this.value.forward(context.text));
      if (context.image === undefined || this.imageKey === undefined || this.imageValue === undefined) {
        return this.output.forward(fromText);
      }
      const key = this.imageKey.forward(context.image);
      const value = this.imageValue.forward(context.image);
      return this.output.forward(fromText.add(this.#attendShared(query_FNC, key, value)));
    });
  }

  /** Attention over time at every position: `[F N C] -> [F N C]`; with `causal`, frame i sees frames 0..i. */
  attendOverTime(x_FNC: Tensor, window: Window, causal: boolean): Tensor {
    const sizes = { b: window.batch, d: this.#headChannels };
    const split = (y_FNC: Tensor): Tensor => rearrange(y_FNC, "(b t) n (h d) -> (b n) h t d", sizes);
    return scope(() => {
      const query = split(this.query.forward(x_FNC));
      const key = split(this.key.forward(x_FNC));
      const value = split(this.value.forward(x_FNC));
      const mixed = scaledDotProductAttention(query, key, value, { isCausal: causal });
      return this.output.forward(rearrange(mixed, "(b n) h t d -> (b t) n (h d)", { b: window.batch }));
    });
  }

  #attendShared(query_FNC: Tensor, key_GLC: Tensor, value_GLC: Tensor): Tensor {
    const [frames, positions, width] = query_FNC.dims("F N C");
    const groups = key_GLC.size(0);
    const query = query_FNC.reshape([groups, (frames / groups) * positions, width]);
    return this.#attend(query, key_GLC, value_GLC).reshape([frames, positions, width]);
  }

  #attend(query_XNC: Tensor, key_XLC: Tensor, value_XLC: Tensor): Tensor {
    const split = (y_XNC: Tensor): Tensor => rearrange(y_XNC, "x n (h d) -> x h n d", { d: this.#headChannels });
    const mixed = scaledDotProductAttention(split(query_XNC), split(key_XLC), split(value_XLC));
    return rearrange(mixed, "x h n d -> x n (h d)");
  }
}
