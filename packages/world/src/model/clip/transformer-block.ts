// The residual block of both towers: attention and a perceptron, each after a normalisation.
// Axes: B batch, N tokens, C width, H heads, D width of a head.
import { LayerNorm, Linear, Module, rearrange, scaledDotProductAttention, scope, type Tensor } from "@vid2world/torch";

/** How a block attends. */
export interface TransformerBlockOptions {
  readonly heads: number;
  /** Token i sees tokens 0..i. */
  readonly causal: boolean;
}

const MLP_RATIO = 4;

/** `[B N C] -> [B N C]` */
export class TransformerBlock extends Module {
  readonly norm1: LayerNorm;
  /** Queries, keys and values in one product. */
  readonly project: Linear;
  readonly output: Linear;
  readonly norm2: LayerNorm;
  readonly expand: Linear;
  readonly contract: Linear;
  readonly #options: TransformerBlockOptions;

  constructor(width: number, options: TransformerBlockOptions) {
    super();
    this.norm1 = new LayerNorm(width);
    this.project = new Linear(width, 3 * width);
    this.output = new Linear(width, width);
    this.norm2 = new LayerNorm(width);
    this.expand = new Linear(width, MLP_RATIO * width);
    this.contract = new Linear(MLP_RATIO * width, width);
    this.#options = options;
  }

  /** `[B N C] -> [B N C]` */
  forward(x_BNC: Tensor): Tensor {
    return scope(() => {
      const attended = x_BNC.add(this.#attend(this.norm1.forward(x_BNC)));
      const wide = this.expand.forward(this.norm2.forward(attended)).gelu();
      return attended.add(this.contract.forward(wide));
    });
  }

  #attend(x_BNC: Tensor): Tensor {
    const { heads, causal } = this.#options;
    const [query, key, value] = this.project
      .forward(x_BNC)
      .chunk(3, { dim: -1 })
      .map((part) => rearrange(part, "b n (h d) -> b h n d", { h: heads })) as [Tensor, Tensor, Tensor];
    const mixed_BHND = scaledDotProductAttention(query, key, value, { isCausal: causal });
    return this.output.forward(rearrange(mixed_BHND, "b h n d -> b n (h d)"));
  }
}
