// A world of random weights with one action, of a few thousand numbers: what serving costs besides the network.
import { manualSeed, withoutInit } from "@vid2world/torch";
import { type WorldConfig, worldSchema } from "@vid2world/world";
import { AutoencoderKL } from "@vid2world/world/model/autoencoder/autoencoder";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import { drawWeights } from "./prepare.js";

/** The world's description and its networks, frozen. */
export interface DebugWorld {
  readonly config: WorldConfig;
  readonly unet: UNet3D;
  readonly autoencoder: AutoencoderKL;
}

/** Makes it; the same one every time. */
export function debugWorld(): DebugWorld {
  manualSeed(1);
  const config = worldSchema.parse({
    name: "debug",
    frame: { width: 32, height: 32, fps: 8 },
    contextFrames: 2,
    autoencoder: { ch: 8, channelMultipliers: [1, 1, 2], numResBlocks: 1, normGroups: 4 },
    unet: {
      ...{ inChannels: 8, outChannels: 4, modelChannels: 16, channelMultipliers: [1, 2], numResBlocks: 1 },
      ...{ normGroups: 8, attentionResolutions: [], headChannels: 8, temporalLength: 4, temporalNorm: "causal" },
      actionDim: 1,
    },
    sampler: { numSteps: 1, guidanceScale: 1, historyLevel: "clean", evaluation: "streaming" },
    channels: [{ name: "forward", kind: "continuous", range: [-1, 1] }],
  });
  const unet = withoutInit(() => new UNet3D(config.unet));
  const autoencoder = withoutInit(() => new AutoencoderKL(config.autoencoder));
  for (const module of [unet, autoencoder]) {
    drawWeights(module);
    module.eval().requiresGrad_(false);
  }
  return { config, unet, autoencoder };
}
