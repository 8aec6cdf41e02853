// The two-layer perceptron that turns a sinusoidal embedding into the network's conditioning vector.
import { Linear, Module, zeroInit, type Tensor } from "@vid2world/torch";

/** Linear, SiLU, Linear: `[..., inWidth] -> [..., outWidth]`. */
export class EmbeddingMlp extends Module {
  readonly first: Linear;
  readonly second: Linear;

  /** `zero` starts the last layer at zero, so that the condition has no effect before it is learned. */
  constructor(inWidth: number, outWidth: number, options: { zero?: boolean } = {}) {
    super();
    this.first = new Linear(inWidth, outWidth);
    const second = new Linear(outWidth, outWidth);
    this.second = options.zero === true ? zeroInit(second) : second;
  }

  /** Embeds `x`; a half-precision network gets its input in its own type. */
  forward(x: Tensor): Tensor {
    return this.second.forward(this.first.forward(x.to(this.first.weight.dtype)).silu());
  }
}
