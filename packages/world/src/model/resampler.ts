// The resampler: a fixed number of learned queries that gather an image tower's tokens into context tokens (arXiv:2103.03206).
// Axes: B batch, N input tokens, Q queries, C width, H heads.
import {
  LayerNorm,
  Linear,
  Module,
  cat,
  normalParameter,
  scaledDotProductAttention,
  scope,
  type Parameter,
  type Tensor,
} from "@vid2world/torch";
import { z } from "zod";

const count = z.number().int().positive();

/** Options of {@link Resampler}; the defaults are those of the published world model. */
export const resamplerSchema = z.strictObject({
  /** Width of the queries. */
  width: count.default(1024),
  depth: count.default(4),
  heads: count.default(12),
  headChannels: count.default(64),
  /** Queries per frame. */
  numQueries: count.default(16),
  /** Frames that have queries of their own: 16 in the published model, whatever window it is used with. */
  videoLength: count.default(16),
  /** Width of the tokens that come in. */
  inputWidth: count.default(1280),
  /** Width of the context tokens that go out. */
  outputWidth: count.default(1024),
  feedForwardMultiplier: count.default(4),
});

/** Options as a caller writes them: whatever has a default may be left out. */
export type ResamplerOptions = z.input<typeof resamplerSchema>;
/** The same with all defaults filled in. */
export type ResolvedResamplerOptions = z.output<typeof resamplerSchema>;

/** The queries attend to the tokens and to themselves. */
class PerceiverAttention extends Module {
  readonly tokenNorm: LayerNorm;
  readonly queryNorm: LayerNorm;
  readonly query: Linear;
  readonly keyValue: Linear;
  readonly output: Linear;
  readonly #headChannels: number;

  constructor({ width, heads, headChannels }: ResolvedResamplerOptions) {
    super();
    const inner = heads * headChannels;
    this.tokenNorm = new LayerNorm(width);
    this.queryNorm = new LayerNorm(width);
    this.query = new Linear(width, inner, { bias: false });
    this.keyValue = new Linear(width, 2 * inner, { bias: false });
    this.output = new Linear(inner, width, { bias: false });
    this.#headChannels = headChannels;
  }

  forward(tokens_BNC: Tensor, queries_BQC: Tensor): Tensor {
    const queries = this.queryNorm.forward(queries_BQC);
    const both = cat([this.tokenNorm.forward(tokens_BNC), queries], { dim: 1 });
    const [key, value] = this.keyValue.forward(both).chunk(2, { dim: -1 }) as [Tensor, Tensor];
    const split = (x_BNC: Tensor): Tensor =>
      x_BNC.reshape([x_BNC.size(0), x_BNC.size(1), -1, this.#headChannels]).transpose(1, 2);
    const mixed_BHQD = scaledDotProductAttention(split(this.query.forward(queries)), split(key), split(value));
    return this.output.forward(mixed_BHQD.transpose(1, 2).flatten({ startDim: 2, endDim: 3 }));
  }
}

class ResamplerLayer extends Module {
  readonly attention: PerceiverAttention;
  readonly norm: LayerNorm;
  readonly expand: Linear;
  readonly contract: Linear;

  constructor(options: ResolvedResamplerOptions) {
    super();
    const { width, feedForwardMultiplier } = options;
    this.attention = new PerceiverAttention(options);
    this.norm = new LayerNorm(width);
    this.expand = new Linear(width, width * feedForwardMultiplier, { bias: false });
    this.contract = new Linear(width * feedForwardMultiplier, width, { bias: false });
  }

  forward(tokens_BNC: Tensor, queries_BQC: Tensor): Tensor {
    const attended = queries_BQC.add(this.attention.forward(tokens_BNC, queries_BQC));
    return attended.add(this.contract.forward(this.expand.forward(this.norm.forward(attended)).gelu()));
  }
}

/** `[B N inputWidth] -> [B numQueries * videoLength outputWidth]` */
export class Resampler extends Module {
  /** `[1 Q C]` */
  readonly queries: Parameter;
  readonly projectIn: Linear;
  readonly layers: readonly ResamplerLayer[];
  readonly projectOut: Linear;
  readonly outputNorm: LayerNorm;

  constructor(options: ResamplerOptions = {}) {
    super();
    const resolved = resamplerSchema.parse(options);
    const { width, depth, numQueries, videoLength, inputWidth, outputWidth } = resolved;
    this.queries = normalParameter([1, numQueries * videoLength, width], 1 / Math.sqrt(width));
    this.projectIn = new Linear(inputWidth, width);
    this.layers = Array.from({ length: depth }, () => new ResamplerLayer(resolved));
    this.projectOut = new Linear(width, outputWidth);
    this.outputNorm = new LayerNorm(outputWidth);
  }

  forward(tokens_BNC: Tensor): Tensor {
    return scope(() => {
      const tokens = this.projectIn.forward(tokens_BNC.to(this.projectIn.weight.dtype));
      const [, queries, width] = this.queries.dims("one Q C");
      const start = this.queries.expand([tokens.size(0), queries, width]);
      const gathered = this.layers.reduce((x, layer) => layer.forward(tokens, x), start);
      return this.outputNorm.forward(this.projectOut.forward(gathered));
    });
  }
}
