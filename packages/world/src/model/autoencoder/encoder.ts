// The autoencoder's encoder: images to the moments of a Gaussian over latents.
import { Conv2d, Module, pad, type Tensor } from "@vid2world/torch";

import { Middle } from "./middle.js";
import { ImageNorm } from "./norm.js";
import type { ResolvedAutoencoderOptions } from "./options.js";
import { ImageResidualBlock } from "./residual-block.js";

class EncoderLevel extends Module {
  readonly blocks: readonly ImageResidualBlock[];
  readonly downsample: Conv2d | undefined;

  constructor(inChannels: number, outChannels: number, options: ResolvedAutoencoderOptions, last: boolean) {
    super();
    this.blocks = Array.from(
      { length: options.numResBlocks },
      (_, i) => new ImageResidualBlock(i === 0 ? inChannels : outChannels, outChannels, options),
    );
    this.downsample = last ? undefined : new Conv2d(outChannels, outChannels, 3, { stride: 2 });
  }

  forward(x_NCHW: Tensor): Tensor {
    const x = this.blocks.reduce((y, block) => block.forward(y), x_NCHW);
    // Padding only on the right and at the bottom is what the published weights were trained with.
    return this.downsample === undefined ? x : this.downsample.forward(pad(x, [0, 1, 0, 1]));
  }
}

/** `[N 3 H W] -> [N 2Z H/f W/f]` with f = 2^(levels - 1). */
export class Encoder extends Module {
  readonly convIn: Conv2d;
  readonly levels: readonly EncoderLevel[];
  readonly middle: Middle;
  readonly outputNorm: ImageNorm;
  readonly outputConv: Conv2d;

  constructor(options: ResolvedAutoencoderOptions) {
    super();
    const channels = options.channelMultipliers.map((multiplier) => multiplier * options.ch);
    const top = channels.at(-1) as number;
    this.convIn = new Conv2d(options.inChannels, options.ch, 3, { padding: 1 });
    this.levels = channels.map(
      (out, level) => new EncoderLevel(channels[level - 1] ?? options.ch, out, options, level === channels.length - 1),
    );
    this.middle = new Middle(top, options);
    this.outputNorm = new ImageNorm(options.normGroups, top);
    this.outputConv = new Conv2d(top, 2 * options.zChannels, 3, { padding: 1 });
  }

  forward(x_NCHW: Tensor): Tensor {
    return this.outputConv.forward(this.features(x_NCHW));
  }

  /** What the last convolution sees: `[N 3 H W] -> [N C H/f W/f]` with C the channels of the last level. */
  features(x_NCHW: Tensor): Tensor {
    const features = this.levels.reduce((x, level) => level.forward(x), this.convIn.forward(x_NCHW));
    return this.outputNorm.forward(this.middle.forward(features)).silu();
  }
}
