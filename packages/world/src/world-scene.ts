// What a world with text and image conditioning is told of its scene: the tokens of no text, and those of the first frame's picture.
// Axes: B batch, H height, W width, L context tokens, D context width.
import { type Tensor, cat, keep, noGrad, scope, tensor } from "@vid2world/torch";
import type { SceneConditioning } from "./diffusion/frame-sampling.js";
import type { ClipImageTower } from "./model/clip/image-tower.js";
import type { ClipTextTower } from "./model/clip/text-tower.js";
import type { Resampler } from "./model/resampler.js";
import type { UNet3D } from "./model/unet/unet.js";

/** The networks that describe a scene. */
export interface SceneNetworks {
  readonly imageTower: ClipImageTower;
  readonly textTower: ClipTextTower;
  readonly resampler: Resampler;
}

/**
 * Describes a scene by its first frame [B 3 H W] in [-1, 1]. `reconstruction` gives the same frame after the autoencoder: guidance compares
 * the frame's tokens with those of its reconstruction, as published; without it both branches get the same.
 */
export type SceneDescriber = (frame_BCHW: Tensor, reconstruction?: () => Tensor) => SceneConditioning;

/** The describer of the published world model. The tensors it returns are the caller's. */
export function sceneDescriber(networks: SceneNetworks): SceneDescriber {
  const { imageTower, textTower, resampler } = networks;
  let noText_1LD: Tensor | undefined;
  const context = (frame_BCHW: Tensor): Tensor => {
    // The text never changes, so its tower runs once.
    noText_1LD ??= keep(textTower.forward(emptyText(textTower, frame_BCHW)).float());
    const image_BLD = resampler.forward(imageTower.forward(frame_BCHW)).float();
    return cat([noText_1LD.expand([frame_BCHW.size(0), -1, -1]), image_BLD], { dim: 1 });
  };
  return (frame_BCHW, reconstruction) =>
    noGrad(() =>
      scope((): SceneConditioning => ({
        context: context(frame_BCHW),
        ...(reconstruction && { unconditionalContext: context(reconstruction()) }),
      })),
    );
}

/** The same scenes with their contexts folded, once per scene (`UNet3D.foldContext`), for worlds whose weights stay as they are. */
export function foldingDescriber(describe: SceneDescriber, unet: Pick<UNet3D, "foldContext">): SceneDescriber {
  return (frame_BCHW, reconstruction) =>
    noGrad(() =>
      scope((): SceneConditioning => {
        const { context, unconditionalContext, ...rest } = describe(frame_BCHW, reconstruction);
        return {
          ...rest,
          ...(context && { context: unet.foldContext(context) }),
          ...(unconditionalContext && { unconditionalContext: unet.foldContext(unconditionalContext) }),
        };
      }),
    );
}

/** The tokens of the empty text, [1 N]: start, end, padding. No vocabulary is needed for that. */
export function emptyText(textTower: ClipTextTower, like: Tensor): Tensor {
  const { vocabularySize, contextLength } = textTower.options;
  const padding = Array.from({ length: contextLength - 2 }, () => 0);
  return tensor([[vocabularySize - 2, vocabularySize - 1, ...padding]], { dtype: "int64", device: like.device });
}
