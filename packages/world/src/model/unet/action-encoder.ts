// Action encoders: from the action that led to a frame to a vector that is added to that frame's timestep embedding.
// Axes: B batch, T frames, A numbers per action, E width of the embedding.
import { Embedding, Linear, Module, type Tensor } from "@vid2world/torch";

/** Sizes of an action encoder. */
export interface ActionEncoderOptions {
  readonly kind: "continuous" | "multiHot";
  readonly actionDim: number;
  /** Width of the first hidden layer, or of the learned rows. */
  readonly hidden: number;
  readonly width: number;
}

/**
 * Embeds actions and drops the masked ones. A dropped action is the zero vector *after* the perceptron: "unknown" is not the same as the
 * action zero, which the perceptron maps to something learned.
 */
export class ActionEncoder extends Module {
  /** One learned row per key or bin (`multiHot` only). */
  readonly table: Embedding | undefined;
  readonly layers: readonly Linear[];

  constructor(options: ActionEncoderOptions) {
    super();
    const { kind, actionDim, hidden, width } = options;
    this.table = kind === "multiHot" ? new Embedding(actionDim, hidden) : undefined;
    const widths = kind === "multiHot" ? [hidden, width, width] : [actionDim, hidden, width, width];
    this.layers = widths.slice(1).map((outWidth, i) => new Linear(widths[i] ?? hidden, outWidth));
  }

  /** `[B T A]`, mask `[B T]` (1 or true keeps, 0 drops) `-> [B T E]` */
  forward(actions_BTA: Tensor, mask_BT?: Tensor): Tensor {
    const dtype = (this.layers[0] as Linear).weight.dtype;
    const actions = actions_BTA.to(dtype);
    // A multi-hot vector times the table is the sum of the rows of what is pressed.
    const start = this.table === undefined ? actions : actions.matmul(this.table.weight);
    const embedding_BTE = this.layers.reduce((x, layer, i) => layer.forward(i === 0 ? x : x.silu()), start);
    return mask_BT === undefined ? embedding_BTE : embedding_BTE.mul(mask_BT.to(embedding_BTE.dtype).unsqueeze(-1));
  }
}
