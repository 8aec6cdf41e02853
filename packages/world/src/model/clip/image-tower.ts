// The image tower: a picture to one token for the whole and one per patch, as they leave the last block.
// Axes: B batch, H height, W width, N tokens (1 + patches), C width, E width of the common space.
import { Conv2d, LayerNorm, Module, cat, normalParameter, scope, type Parameter, type Tensor } from "@vid2world/torch";

import { clipSchema, type ClipOptions, type ResolvedClipOptions } from "./options.js";
import { preprocessImages } from "./preprocess.js";
import { ClipTextEnds } from "./text-tower.js";
import { TransformerBlock } from "./transformer-block.js";

/** The image tower. `new ClipImageTower()` is that of ViT-H/14. */
export class ClipImageTower extends Module {
  /** `[B 3 H W]` to one vector per patch. */
  readonly patches: Conv2d;
  /** `[C]`: the token of the whole picture. */
  readonly classEmbedding: Parameter;
  /** `[N C]` */
  readonly positionalEmbedding: Parameter;
  readonly inputNorm: LayerNorm;
  readonly blocks: readonly TransformerBlock[];
  readonly outputNorm: LayerNorm;
  /** `[C E]` */
  readonly projection: Parameter;
  /** The text half's ends, which published checkpoints carry beside the image tower: not used, kept so that they come out as they went in. */
  readonly textEnds: ClipTextEnds;
  readonly #options: ResolvedClipOptions["image"];

  constructor(options: ClipOptions = {}) {
    super();
    const resolved = clipSchema.parse(options);
    const { imageSize, patchSize, width, layers, headChannels } = resolved.image;
    const std = 1 / Math.sqrt(width);
    const tokens = 1 + Math.floor(imageSize / patchSize) ** 2;
    const block = { heads: width / headChannels, causal: false };
    this.patches = new Conv2d(3, width, patchSize, { stride: patchSize, bias: false });
    this.classEmbedding = normalParameter([width], std);
    this.positionalEmbedding = normalParameter([tokens, width], std);
    this.inputNorm = new LayerNorm(width);
    this.blocks = Array.from({ length: layers }, () => new TransformerBlock(width, block));
    this.outputNorm = new LayerNorm(width);
    this.projection = normalParameter([width, resolved.embedDim], std);
    this.textEnds = new ClipTextEnds(resolved);
    this.#options = resolved.image;
  }

  /** The options with every default filled in. */
  get options(): ResolvedClipOptions["image"] {
    return this.#options;
  }

  /** Number and width of a picture's tokens, [N C]. */
  get tokenShape(): readonly [number, number] {
    const [tokens, width] = this.positionalEmbedding.dims("N C");
    return [tokens, width];
  }

  /** Pictures of any size in [-1, 1], `[B 3 H W]`, to the tokens that leave the last block, neither normalised nor projected: `[B N C]`. */
  forward(images_BCHW: Tensor): Tensor {
    return scope(() => {
      const square_BCHW = preprocessImages(images_BCHW, this.#options.imageSize);
      const patches_BNC = this.patches
        .forward(square_BCHW.to(this.patches.weight.dtype))
        .flatten({ startDim: 2 })
        .transpose(1, 2);
      const [batch, , width] = patches_BNC.dims("B N C");
      const tokens_BNC = cat([this.classEmbedding.expand([batch, 1, width]), patches_BNC], { dim: 1 });
      const start_BNC = this.inputNorm.forward(tokens_BNC.add(this.positionalEmbedding));
      return this.blocks.reduce((x, block) => block.forward(x), start_BNC);
    });
  }

  /** One vector per picture in the space shared with texts, not normalised: `[B 3 H W] -> [B E]`. */
  embed(images_BCHW: Tensor): Tensor {
    return scope(() => this.outputNorm.forward(this.forward(images_BCHW).select(1, 0)).matmul(this.projection));
  }
}
