// The transformers' feed-forward layer with a gated GELU.
import { Linear, Module, scope, type Tensor } from "@vid2world/torch";

const EXPANSION = 4;

/** `[... C] -> [... C]`: half of the wide layer, through an exact GELU, gates the other half (arXiv:2002.05202). */
export class FeedForward extends Module {
  readonly expand: Linear;
  readonly contract: Linear;

  constructor(width: number) {
    super();
    this.expand = new Linear(width, 2 * EXPANSION * width);
    this.contract = new Linear(EXPANSION * width, width);
  }

  forward(x: Tensor): Tensor {
    return scope(() => {
      const [content, gate] = this.expand.forward(x).chunk(2, { dim: -1 }) as [Tensor, Tensor];
      return this.contract.forward(content.mul(gate.gelu()));
    });
  }
}
