// A Frechet distance where no pretrained Inception network is at hand: features from the autoencoder's own encoder. It ranks worlds
// that share an autoencoder and a test set, and nothing else: numbers of two autoencoders, or of FID, are not comparable.
// Axes: T frames, H height, W width, N pictures, C features.

import { cat, noGrad, scope, type Tensor } from "@vid2world/torch";
import type { AutoencoderKL } from "../../model/autoencoder/autoencoder.js";
import { pixelsOf } from "../../world-codec.js";
import type { PictureSize } from "../../data/transforms.js";
import { frechetDistance } from "./frechet.js";
import type { FrameBytes_THWC } from "./horizon.js";

/**
 * Distance between two sets of clips (RGB bytes): each frame becomes the mean over the picture of the encoder's last feature maps, and
 * the two sets of vectors are compared as Gaussians. 0 for equal sets; it falls with the number of frames, so compare equal numbers.
 */
export function encoderDistance(
  autoencoder: AutoencoderKL,
  predictions: readonly FrameBytes_THWC[],
  targets: readonly FrameBytes_THWC[],
  picture: PictureSize,
): number {
  return scope(() => {
    const featuresOf = (clips: readonly FrameBytes_THWC[]): Tensor =>
      cat(clips.map((clip) => clipFeatures(autoencoder, clip, picture)));
    return frechetDistance(featuresOf(predictions), featuresOf(targets));
  });
}

/** T*H*W*3 bytes -> [T C] float32 */
function clipFeatures(autoencoder: AutoencoderKL, frames_THWC: FrameBytes_THWC, picture: PictureSize): Tensor {
  const { device } = autoencoder.quantConv.weight;
  return noGrad(() =>
    scope(() => autoencoder.features(pixelsOf(frames_THWC, picture.height, picture.width, device)).float()),
  );
}
