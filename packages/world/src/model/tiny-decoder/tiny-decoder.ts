// A small decoder for live use, of the kind of TAESD: convolutions and ReLU alone, no normalisation, no attention.
import { Conv2d, Module, scope, upsampleNearest2d, type Tensor } from "@vid2world/torch";
import { type ResolvedTinyDecoderOptions, type TinyDecoderOptions, tinyDecoderSchema } from "./options.js";

/** Latents beyond this are squeezed into it, smoothly: 3 standard deviations. */
const LATENT_LIMIT = 3;

const conv3x3 = (inChannels: number, outChannels: number, bias = true): Conv2d =>
  new Conv2d(inChannels, outChannels, 3, { padding: 1, bias });

/** Three 3x3 convolutions beside the identity: `[N C H W] -> [N C H W]`. */
class TinyBlock extends Module {
  readonly convs: readonly Conv2d[];

  constructor(channels: number) {
    super();
    this.convs = Array.from({ length: 3 }, () => conv3x3(channels, channels));
  }

  forward(x_NCHW: Tensor): Tensor {
    return scope(() => {
      const [first, second, third] = this.convs as [Conv2d, Conv2d, Conv2d];
      const branch = third.forward(second.forward(first.forward(x_NCHW).relu()).relu());
      return branch.add(x_NCHW).relu();
    });
  }
}

/** Blocks at one resolution; `upsample`, where there is a next level, doubles it and changes the channels. */
class TinyLevel extends Module {
  readonly blocks: readonly TinyBlock[];
  readonly upsample: Conv2d | undefined;

  constructor(channels: number, blocks: number, nextChannels: number | undefined) {
    super();
    this.blocks = Array.from({ length: blocks }, () => new TinyBlock(channels));
    this.upsample = nextChannels === undefined ? undefined : conv3x3(channels, nextChannels, false);
  }

  forward(x_NCHW: Tensor): Tensor {
    const x = this.blocks.reduce((y, block) => block.forward(y), x_NCHW);
    if (this.upsample === undefined) return x;
    return this.upsample.forward(upsampleNearest2d(x, [x.size(2) * 2, x.size(3) * 2]));
  }
}

/**
 * Decodes latents of unit variance, as the diffusion model has them (not divided by the world's latent scale), to images: `[N E h w] ->
 * [N 3 h*f w*f]`, about [-1, 1] and not clamped, f = 2^(levels - 1).
 *
 * @example
 * const decoder = new TinyDecoder(); // 1.2 million parameters; weights: `tinyDecoderKeyMap`
 */
export class TinyDecoder extends Module {
  readonly convIn: Conv2d;
  /** In the order in which they run: the smallest resolution first. */
  readonly levels: readonly TinyLevel[];
  readonly convOut: Conv2d;
  readonly #options: ResolvedTinyDecoderOptions;

  constructor(options: TinyDecoderOptions = {}) {
    super();
    const resolved = tinyDecoderSchema.parse(options);
    const { channels, blocks, latentChannels, outChannels } = resolved;
    this.#options = resolved;
    this.convIn = conv3x3(latentChannels, channels[0] ?? 0);
    this.levels = channels.map((width, level) => new TinyLevel(width, blocks[level] ?? 0, channels[level + 1]));
    this.convOut = conv3x3(channels.at(-1) ?? 0, outChannels);
  }

  /** The options with every default filled in. */
  get options(): ResolvedTinyDecoderOptions {
    return this.#options;
  }

  /** How many pixels along each axis make one latent. */
  get downscale(): number {
    return 2 ** (this.levels.length - 1);
  }

  forward(latents_NCHW: Tensor): Tensor {
    return scope(() => {
      const typed = latents_NCHW.to(this.convIn.weight.dtype);
      const x =
        this.#options.memoryFormat === "channelsLast" ? typed.contiguous({ memoryFormat: "channels_last" }) : typed;
      const bounded = x.div(LATENT_LIMIT).tanh().mul(LATENT_LIMIT);
      const features = this.levels.reduce((y, level) => level.forward(y), this.convIn.forward(bounded).relu());
      // The published weights put out [0, 1].
      return this.convOut.forward(features).mul(2).sub(1);
    });
  }
}
