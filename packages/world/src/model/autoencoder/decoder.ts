// The autoencoder's decoder: latents to images.
import { Conv2d, Module, upsampleNearest2d, type Tensor } from "@vid2world/torch";

import { Middle } from "./middle.js";
import { ImageNorm } from "./norm.js";
import type { ResolvedAutoencoderOptions } from "./options.js";
import { ImageResidualBlock } from "./residual-block.js";

class DecoderLevel extends Module {
  readonly blocks: readonly ImageResidualBlock[];
  readonly upsample: Conv2d | undefined;

  constructor(inChannels: number, outChannels: number, options: ResolvedAutoencoderOptions, last: boolean) {
    super();
    this.blocks = Array.from(
      { length: options.numResBlocks + 1 },
      (_, i) => new ImageResidualBlock(i === 0 ? inChannels : outChannels, outChannels, options),
    );
    this.upsample = last ? undefined : new Conv2d(outChannels, outChannels, 3, { padding: 1 });
  }

  forward(x_NCHW: Tensor): Tensor {
    const x = this.blocks.reduce((y, block) => block.forward(y), x_NCHW);
    if (this.upsample === undefined) return x;
    return this.upsample.forward(upsampleNearest2d(x, [x.size(2) * 2, x.size(3) * 2]));
  }
}

/** `[N Z h w] -> [N 3 h*f w*f]`; `levels[0]` is the one at full resolution, which runs last. */
export class Decoder extends Module {
  readonly convIn: Conv2d;
  readonly middle: Middle;
  readonly levels: readonly DecoderLevel[];
  readonly outputNorm: ImageNorm;
  readonly outputConv: Conv2d;

  constructor(options: ResolvedAutoencoderOptions) {
    super();
    const channels = options.channelMultipliers.map((multiplier) => multiplier * options.ch);
    const top = channels.at(-1) as number;
    this.convIn = new Conv2d(options.zChannels, top, 3, { padding: 1 });
    this.middle = new Middle(top, options);
    this.levels = channels.map((out, level) => new DecoderLevel(channels[level + 1] ?? top, out, options, level === 0));
    this.outputNorm = new ImageNorm(options.normGroups, channels[0] as number);
    this.outputConv = new Conv2d(channels[0] as number, options.inChannels, 3, { padding: 1 });
  }

  forward(z_NCHW: Tensor): Tensor {
    const start = this.middle.forward(this.convIn.forward(z_NCHW));
    const features = this.levels.toReversed().reduce((x, level) => level.forward(x), start);
    return this.outputConv.forward(this.outputNorm.forward(features).silu());
  }
}
