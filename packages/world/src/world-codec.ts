// Between pictures and latents: bytes [0, 255] to [-1, 1], padding to the networks' size, the autoencoder, the latent scale, and back.
// Axes: N frames, H height, W width, C channels (3 colours or latents).

import { invalid } from "@vid2world/formats";
import { type Device, type Tensor, fromTypedArray, noGrad, pad, scope } from "@vid2world/torch";
import { type AutoencoderKL, samplePosterior } from "./model/autoencoder/autoencoder.js";
import type { TinyDecoder } from "./model/tiny-decoder/tiny-decoder.js";
import type { WorldConfig } from "./world-config.js";

/** Turns frames into latents and back. */
export interface WorldCodec {
  /** Bytes N*H*W*3 -> pixels [N 3 H W] in [-1, 1]. */
  pixels(frames: Uint8Array): Tensor;
  /** Bytes N*H*W*3, or pixels [N 3 H W] in [-1, 1] -> scaled latents [N C h w]. `noise` (of that shape) picks the posterior's sample. */
  encode(frames: Uint8Array | Tensor, noise?: (shape: readonly number[]) => Tensor): Tensor;
  /** Scaled latents [N C h w] -> bytes N*H*W*3, cropped to the frame. */
  decode(latents_NCHW: Tensor): Uint8Array;
  /** Scaled latents [N C h w] -> pixels [N 3 H W], about [-1, 1], cropped to the frame. */
  decodePixels(latents_NCHW: Tensor): Tensor;
}

/** The codec of a world; `tinyDecoder` decodes in the autoencoder's place. */
export function worldCodec(
  autoencoder: AutoencoderKL,
  config: WorldConfig,
  device: Device,
  tinyDecoder?: TinyDecoder,
): WorldCodec {
  const { width, height, paddedWidth = width, paddedHeight = height } = config.frame;

  const decodePixels = (latents_NCHW: Tensor): Tensor =>
    noGrad(() =>
      scope(() => {
        const padded_NCHW = tinyDecoder
          ? tinyDecoder.forward(latents_NCHW)
          : autoencoder.decode(latents_NCHW.div(config.latentScale));
        return padded_NCHW.float().narrow(2, 0, height).narrow(3, 0, width).contiguous();
      }),
    );

  return {
    pixels: (frames) => pixelsOf(frames, height, width, device),
    encode: (frames, noise) =>
      noGrad(() =>
        scope(() => {
          const pixels_NCHW = frames instanceof Uint8Array ? pixelsOf(frames, height, width, device) : frames;
          const padded_NCHW = pad(pixels_NCHW, [0, paddedWidth - width, 0, paddedHeight - height], {
            mode: "replicate",
          });
          const posterior = autoencoder.encode(padded_NCHW);
          const { mean_NCHW } = posterior;
          const latents = noise ? samplePosterior(posterior, noise(mean_NCHW.shape).to(mean_NCHW.dtype)) : mean_NCHW;
          return latents.float().mul(config.latentScale);
        }),
      ),
    decodePixels,
    decode(latents_NCHW) {
      using pixels_NCHW = decodePixels(latents_NCHW);
      return bytesOf(pixels_NCHW);
    },
  };
}

/** Bytes N*H*W*3 -> [N 3 H W] in [-1, 1]. */
export function pixelsOf(frames_NHWC: Uint8Array, height: number, width: number, device: Device): Tensor {
  const count = frames_NHWC.length / (height * width * 3);
  if (!Number.isInteger(count) || count < 1)
    throw invalid(
      "frames",
      `a whole number of ${width}x${height} RGB frames (${height * width * 3} bytes each)`,
      frames_NHWC,
    );
  const bytes_NHWC = fromTypedArray(frames_NHWC, [count, height, width, 3]).to(device);
  return bytes_NHWC.permute([0, 3, 1, 2]).float().div(127.5).sub(1);
}

/** [N 3 H W] in [-1, 1], clamped -> bytes N*H*W*3. */
export function bytesOf(pixels_NCHW: Tensor): Uint8Array {
  using bytes_NHWC = scope(() => {
    const scaled = pixels_NCHW.add(1).mul(127.5).clamp({ min: 0, max: 255 }).round();
    return scaled.permute([0, 2, 3, 1]).to("uint8").contiguous();
  });
  return bytes_NHWC.toTypedArray() as Uint8Array;
}
