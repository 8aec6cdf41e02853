// The U-Net's layout: which parts each block has, with how many channels. The network and its key map are both built from it.
import type { ResolvedUNetOptions } from "./options.js";

/** What a block can hold, in the order in which it runs. */
export type BlockPart = "conv" | "residual" | "spatial" | "temporal" | "downsample" | "upsample";

/** One block: its parts in order, the channels that enter (a skip connection's included) and those that leave. */
export interface BlockLayout {
  readonly parts: readonly BlockPart[];
  readonly inChannels: number;
  readonly outChannels: number;
}

/** All blocks of a U-Net. An output block takes the features of its mirror image among the input blocks. */
export interface UNetLayout {
  readonly input: readonly BlockLayout[];
  readonly middle: readonly BlockLayout[];
  readonly output: readonly BlockLayout[];
}

type LayoutOptions = Pick<
  ResolvedUNetOptions,
  "inChannels" | "modelChannels" | "channelMultipliers" | "numResBlocks" | "attentionResolutions"
>;

/** Lays out the blocks for `options`. */
export function unetLayout(options: LayoutOptions): UNetLayout {
  const { modelChannels, channelMultipliers, numResBlocks } = options;
  const levels = channelMultipliers.length;
  const partsAt = (level: number): BlockPart[] =>
    options.attentionResolutions.includes(2 ** level) ? ["residual", "spatial", "temporal"] : ["residual"];

  const input: BlockLayout[] = [{ parts: ["conv"], inChannels: options.inChannels, outChannels: modelChannels }];
  let channels = modelChannels;
  channelMultipliers.forEach((multiplier, level) => {
    const outChannels = multiplier * modelChannels;
    for (let i = 0; i < numResBlocks; i++) {
      input.push({ parts: partsAt(level), inChannels: channels, outChannels });
      channels = outChannels;
    }
    if (level < levels - 1) input.push({ parts: ["downsample"], inChannels: channels, outChannels: channels });
  });

  const middle: BlockLayout[] = [
    { parts: ["residual", "spatial", "temporal"], inChannels: channels, outChannels: channels },
    { parts: ["residual"], inChannels: channels, outChannels: channels },
  ];

  const output: BlockLayout[] = [];
  const skips = input.map((block) => block.outChannels);
  for (let level = levels - 1; level >= 0; level--) {
    const outChannels = (channelMultipliers[level] ?? 1) * modelChannels;
    for (let i = 0; i <= numResBlocks; i++) {
      const parts = partsAt(level);
      if (level > 0 && i === numResBlocks) parts.push("upsample");
      output.push({ parts, inChannels: channels + (skips.pop() ?? 0), outChannels });
      channels = outChannels;
    }
  }
  return { input, middle, output };
}
