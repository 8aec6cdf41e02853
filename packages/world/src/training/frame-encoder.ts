// Frames to what is constant about them in a diffusion model's training: the moments of the autoencoder's posterior, and the image tower's
// tokens. Both networks are frozen; what is trained (U-Net, resampler) comes after them.
// Axes: N frames, C latent channels, H height, W width, L tokens of a picture, D their width.
import { invalid } from "@vid2world/formats";
import { cat, noGrad, scope, stack } from "@vid2world/torch";
import type { Device, Tensor } from "@vid2world/torch";
import type { PictureSize } from "../data/transforms.js";
import { type AutoencoderKL, posteriorStd } from "../model/autoencoder/autoencoder.js";
import type { ClipImageTower } from "../model/clip/image-tower.js";
import { toPixels, type ToPixels } from "./pixels.js";
import type { TrainingSettings } from "./settings.js";
import { inPrecision } from "./train-step.js";

/** Encodes recorded frames, uint8 [N H W 3]. */
export interface FrameEncoder {
  /** Shape of a frame's latent: C, h, w. */
  readonly latent: readonly [number, number, number];
  /** Shape of a frame's tokens and the precision they are stored in; absent in a model without a context. */
  readonly tokens?: { readonly shape: readonly [number, number]; readonly dtype: "float16" | "float32" } | undefined;
  /** Mean and standard deviation, float32 [N 2 C h w]. */
  moments(frames_NHWC: Tensor): Tensor;
  /** Float32 [N L D]; only where `tokens` is set. */
  imageTokens(frames_NHWC: Tensor): Tensor;
}

/** The networks and how they are run. */
export interface FrameEncoderOptions {
  readonly autoencoder: AutoencoderKL;
  readonly imageTower?: ClipImageTower | undefined;
  readonly tokenPrecision: "float16" | "float32";
  /** Sizes of the recorded frames and of what the networks work on. */
  readonly frame: PictureSize;
  readonly padded: PictureSize;
  readonly settings: Pick<TrainingSettings, "device" | "precision">;
}

/** Frames that go through a network at once: full-size ones take about a gigabyte each on their way. */
const FRAMES_AT_ONCE = 16;

/** Joins the networks into an encoder. */
export function frameEncoder(options: FrameEncoderOptions): FrameEncoder {
  const { autoencoder, imageTower, tokenPrecision, frame, padded, settings } = options;
  const [paddedPixels, plainPixels] = [toPixels(frame, padded), toPixels(frame, frame)];
  const { downscale } = autoencoder;
  if ((padded.height % downscale) + (padded.width % downscale) > 0)
    throw invalid(
      "data.paddedHeight, data.paddedWidth",
      `multiples of ${downscale}`,
      `${padded.height}, ${padded.width}`,
    );

  const inPieces = (frames_NHWC: Tensor, pixelsOf: ToPixels, encode: (pixels_NCHW: Tensor) => Tensor): Tensor =>
    noGrad(() =>
      scope(() =>
        cat(
          frames_NHWC
            .split(FRAMES_AT_ONCE)
            .map((piece_NHWC) =>
              scope(() =>
                inPrecision(settings, () => encode(pixelsOf(piece_NHWC.to(settings.device as Device)))).float(),
              ),
            ),
        ),
      ),
    );
  return {
    latent: [autoencoder.options.embedDim, padded.height / downscale, padded.width / downscale],
    ...(imageTower && { tokens: { shape: imageTower.tokenShape, dtype: tokenPrecision } }),
    moments: (frames_NHWC) =>
      inPieces(frames_NHWC, paddedPixels, (pixels_NCHW) => {
        const posterior = autoencoder.encode(pixels_NCHW);
        return stack([posterior.mean_NCHW, posteriorStd(posterior)], { dim: 1 });
      }),
    imageTokens(frames_NHWC) {
      if (!imageTower) throw new Error("internal: a model without a context has no image tokens");
      return inPieces(frames_NHWC, plainPixels, (pixels_NCHW) => imageTower.forward(pixels_NCHW));
    },
  };
}
