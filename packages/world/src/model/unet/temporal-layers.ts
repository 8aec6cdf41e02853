// The layers of a U-Net that mix frames, one by one, for looking at what passes between frames in each.
// Axes: F = B * T folded frames.
import type { Tensor } from "@vid2world/torch";

import { Attention } from "./attention.js";
import { foldFrames, mapToTokens, tokensToMap, unfoldFrames, type Window } from "./frames.js";
import { TemporalNorm } from "./norm.js";
import { TemporalConvBlock, temporalConv } from "./temporal-conv.js";
import { TemporalTransformer } from "./temporal-transformer.js";
import type { UNet3D } from "./unet.js";

/** Ways in which frames are mixed. Everything else in the network sees one frame at a time. */
export const temporalKinds = ["normalisation", "convolution", "attention"] as const;

/** One of `temporalKinds`. */
export type TemporalKind = (typeof temporalKinds)[number];

/** One layer that mixes frames. */
export interface TemporalLayer {
  readonly kind: TemporalKind;
  /** The module's name in the network. */
  readonly name: string;
  /** Channels that go in. */
  readonly channels: number;
  /** The layer alone, `[F C H W] -> [F Co H W]`. */
  readonly run: (x_FCHW: Tensor, window: Window) => Tensor;
}

/** All layers that mix frames, in the order of their names in the network. */
export function temporalLayers(unet: UNet3D): TemporalLayer[] {
  const { causal } = unet.options;
  return [...unet.namedModules()].flatMap(([name, module]): TemporalLayer[] => {
    if (module instanceof TemporalNorm) {
      const channels = (module.weight as Tensor).size(0);
      return [{ kind: "normalisation", name, channels, run: (x, window) => module.forwardFrames(x, window) }];
    }
    if (module instanceof TemporalConvBlock) {
      return module.layers.map(({ conv }, i) => ({
        kind: "convolution",
        name: `${name}.layers.${i}.conv`,
        channels: conv.weight.size(1),
        run: (x, window) =>
          foldFrames(temporalConv(unfoldFrames(x, window), conv.weight, conv.bias, causal), x.size(2)),
      }));
    }
    if (module instanceof TemporalTransformer) {
      return [...module.namedModules()].flatMap(([inner, attention]): TemporalLayer[] => {
        if (!(attention instanceof Attention)) return [];
        const run = (x: Tensor, window: Window): Tensor =>
          tokensToMap(attention.attendOverTime(mapToTokens(x), window, causal), x.size(2));
        return [{ kind: "attention", name: `${name}.${inner}`, channels: attention.query.weight.size(1), run }];
      });
    }
    return [];
  });
}
