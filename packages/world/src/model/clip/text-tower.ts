// The text tower: tokens to one vector per token, of which the world model takes those before the last block.
// Axes: B batch, N tokens, C width, E width of the common space.
import {
  Embedding,
  LayerNorm,
  Module,
  arange,
  constantParameter,
  normalParameter,
  scope,
  type Parameter,
  type Tensor,
} from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

import { clipSchema, type ClipOptions, type ResolvedClipOptions } from "./options.js";
import { TransformerBlock } from "./transformer-block.js";

/** Factor of similarities at the start of contrastive training (arXiv:2103.00020, section 2.5). */
const INITIAL_TEMPERATURE = 0.07;

/** What stands before and after the blocks of the text tower. */
export class ClipTextEnds extends Module {
  readonly tokenEmbedding: Embedding;
  /** `[N C]` */
  readonly positionalEmbedding: Parameter;
  readonly finalNorm: LayerNorm;
  /** `[C E]` */
  readonly projection: Parameter;
  /** `[]`: logarithm of the factor of similarities; not used here. */
  readonly logitScale: Parameter;

  constructor({ text, embedDim }: ResolvedClipOptions) {
    super();
    this.tokenEmbedding = new Embedding(text.vocabularySize, text.width);
    this.positionalEmbedding = normalParameter([text.contextLength, text.width], 0.01);
    this.finalNorm = new LayerNorm(text.width);
    this.projection = normalParameter([text.width, embedDim], 1 / Math.sqrt(text.width));
    this.logitScale = constantParameter([], Math.log(1 / INITIAL_TEMPERATURE));
  }
}

/** The text tower. `new ClipTextTower()` is that of ViT-H/14. */
export class ClipTextTower extends ClipTextEnds {
  readonly blocks: readonly TransformerBlock[];
  readonly #options: ResolvedClipOptions["text"];

  constructor(options: ClipOptions = {}) {
    const resolved = clipSchema.parse(options);
    super(resolved);
    const { layers, width, heads } = resolved.text;
    this.blocks = Array.from({ length: layers }, () => new TransformerBlock(width, { heads, causal: true }));
    this.#options = resolved.text;
  }

  /** The options with every default filled in. */
  get options(): ResolvedClipOptions["text"] {
    return this.#options;
  }

  /**
   * Tokens int64 `[B N]`, padded to the context's length, to `[B N C]`: what leaves the last block but one, or the last, after the final
   * normalisation. The published world model takes the last but one.
   */
  forward(tokens_BN: Tensor, layer: "penultimate" | "last" = "penultimate"): Tensor {
    const { contextLength } = this.#options;
    if (tokens_BN.rank !== 2 || tokens_BN.size(1) !== contextLength)
      throw invalid("tokens", `a tensor [B ${contextLength}]`, tokens_BN);
    return scope(() => {
      const start_BNC = this.tokenEmbedding.forward(tokens_BN).add(this.positionalEmbedding);
      const blocks = layer === "last" ? this.blocks : this.blocks.slice(0, -1);
      return this.finalNorm.forward(blocks.reduce((x, block) => block.forward(x), start_BNC));
    });
  }

  /** One vector per text in the space shared with images, not normalised: `[B N] -> [B E]`. */
  embed(tokens_BN: Tensor): Tensor {
    return scope(() => {
      const tokens_BNC = this.forward(tokens_BN, "last");
      // The end token has the highest number of all.
      const ends_B = tokens_BN.argmax({ dim: -1 });
      const rows_B = arange(0, tokens_BN.size(0), { dtype: "int64", device: tokens_BN.device }).mul(tokens_BN.size(1));
      const ends_BC = tokens_BNC.flatten({ startDim: 0, endDim: 1 }).indexSelect(0, rows_B.add(ends_B));
      return ends_BC.matmul(this.projection);
    });
  }
}
