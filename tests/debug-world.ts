// A world of random weights, as small as one can be, in a folder: for tests that need any world at all.
import { manualSeed } from "@vid2world/torch";
import { saveWorld } from "@vid2world/world";
import type { Channel } from "@vid2world/world/data/action-space";
import { AutoencoderKL } from "@vid2world/world/model/autoencoder/autoencoder";
import type { UNetOptions } from "@vid2world/world/model/unet/options";
import { UNet3D } from "@vid2world/world/model/unet/unet";

/** What tests choose. */
export interface DebugWorldOptions {
  readonly name: string;
  readonly frame: { readonly width: number; readonly height: number; readonly paddedHeight?: number };
  /** Continuous channels, one number each. */
  readonly channels: readonly Channel[];
  /** Relative to the world's folder. */
  readonly recordings?: string;
  /** Default 1. */
  readonly contextFrames?: number;
  /** Denoising steps. Default 1. */
  readonly steps?: number;
}

/** Writes the world with `saveWorld`. */
export async function saveDebugWorld(folder: string, options: DebugWorldOptions): Promise<void> {
  const { name, frame, channels, recordings, contextFrames = 1, steps = 1 } = options;
  const autoencoder = { ch: 8, channelMultipliers: [1, 1, 2], numResBlocks: 1, normGroups: 4 };
  const unet: UNetOptions = {
    inChannels: 8,
    outChannels: 4,
    modelChannels: 16,
    channelMultipliers: [1, 2],
    numResBlocks: 1,
    attentionResolutions: [],
    headChannels: 8,
    temporalLength: 4,
    actionDim: channels.length,
    normGroups: 8,
    fpsCondition: false,
  };
  manualSeed(1);
  await saveWorld(
    folder,
    {
      ...{ name, autoencoder, unet, contextFrames, channels: [...channels] },
      frame: { ...frame, fps: 8 },
      sampler: { numSteps: steps, guidanceScale: 1, historyLevel: "clean" },
      ...(recordings !== undefined && { recordings }),
    },
    { unet: new UNet3D(unet), autoencoder: new AutoencoderKL(autoencoder) },
  );
}
