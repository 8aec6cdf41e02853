// The text and image context in training: what is constant of it, made once by the towers, and what is made anew in every step by the
// resampler, which is trained with the U-Net.
// Axes: B batch, L text tokens, N image tokens of the tower, Q those of the resampler, D width.
import { cat, keep, Module, noGrad, rand, scope, where, zeros } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import type { ClipImageTower } from "../model/clip/image-tower.js";
import type { ClipTextTower } from "../model/clip/text-tower.js";
import type { Resampler } from "../model/resampler.js";
import type { UNet3D } from "../model/unet/unet.js";
import { emptyText } from "../world-scene.js";

/** What the towers say of no text and of a grey picture. */
export interface SceneConstants {
  readonly text_1LD: Tensor;
  /** A dropped picture is set to 0, the middle of -1..1, before its tower. */
  readonly grey_1ND: Tensor;
}

/** Runs both towers once. The tensors are the caller's. */
export function sceneConstants(textTower: ClipTextTower, imageTower: ClipImageTower): SceneConstants {
  return noGrad(() =>
    scope((): SceneConstants => {
      const { device } = imageTower.patches.weight;
      const { imageSize } = imageTower.options;
      const grey_BCHW = zeros([1, 3, imageSize, imageSize], { device });
      return {
        text_1LD: keep(textTower.forward(emptyText(textTower, grey_BCHW)).float()),
        grey_1ND: keep(imageTower.forward(grey_BCHW).float()),
      };
    }),
  );
}

/** The networks that a model with a context trains. */
export class ContextNetworks extends Module {
  readonly unet: UNet3D;
  readonly resampler: Resampler;

  constructor(unet: UNet3D, resampler: Resampler) {
    super();
    this.unet = unet;
    this.resampler = resampler;
  }
}

/**
 * Text and image tokens, [B L+Q D]. In training one draw per clip decides what is dropped: the text below 2p, the picture from p up to 3p.
 * The captions of all published data sets are empty, so that a dropped text is the same text.
 */
export function sceneContext(
  { text_1LD, grey_1ND }: SceneConstants,
  resampler: Resampler,
  tokens_BND: Tensor,
  dropout: number,
): Tensor {
  const batch = tokens_BND.size(0);
  const shown_BND = dropout > 0 ? where(greyClips(batch, dropout, tokens_BND), grey_1ND, tokens_BND) : tokens_BND;
  return cat([text_1LD.expand([batch, -1, -1]), resampler.forward(shown_BND).float()], { dim: 1 });
}

/** Which clips are shown a grey picture, [B 1 1]. */
function greyClips(batch: number, dropout: number, { device }: Tensor): Tensor {
  const draw_B11 = rand([batch, 1, 1], { device });
  return draw_B11.ge(dropout).logicalAnd(draw_B11.lt(3 * dropout));
}
