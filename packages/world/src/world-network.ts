// The U-Net as diffusion sees a network: the image condition is joined to the noisy latents along the channels.
// Axes: B batch, T frames, C channels, H height, W width.

import { cat } from "@vid2world/torch";
import type { Network } from "./diffusion/denoiser.js";
import type { UNet3D } from "./model/unet/unet.js";

/** Wraps a U-Net into a network. Its output is float32 whatever the weights are, so that sampling keeps float32 latents. */
export function networkOf(unet: Pick<UNet3D, "forward">): Network {
  return (noisy_BTCHW, timesteps, conditioning) => {
    const { concat_BTCHW, ...rest } = conditioning;
    const x_BTCHW = concat_BTCHW ? cat([noisy_BTCHW, concat_BTCHW.to(noisy_BTCHW.dtype)], { dim: 2 }) : noisy_BTCHW;
    return unet.forward({ x_BTCHW, timesteps, ...rest }).float();
  };
}
