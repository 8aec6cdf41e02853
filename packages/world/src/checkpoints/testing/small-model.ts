// For tests only: the whole published model at debug size, with random weights, as a module and as a published checkpoint.
import { initializing, manualSeed, noGrad, randnLike } from "@vid2world/torch";
import { OrderedDict } from "@vid2world/formats/pickle/values";
import { TorchTensorInput, writeTorchArchive } from "@vid2world/formats/torch-archive/write";

import { latentVideoDiffusionKeyMap } from "../../model/key-maps/latent-video-diffusion.js";
import { LatentVideoDiffusion, type LatentVideoDiffusionOptions } from "../../model/latent-video-diffusion.js";
import type { UNetOptions } from "../../model/unet/options.js";
import { worldSchema, type WorldConfig } from "../../world-config.js";

/** Everything small, of the published design: 5 networks, 6 frames, 13 numbers per action. */
export function smallOptions(unet: Partial<UNetOptions> = {}) {
  return {
    unet: {
      ...{ inChannels: 8, outChannels: 4, modelChannels: 32, channelMultipliers: [1, 2], numResBlocks: 1 },
      ...{ attentionResolutions: [2, 1], headChannels: 16, contextDim: 32, temporalLength: 6, actionDim: 13 },
      ...unet,
    },
    autoencoder: { ch: 32, channelMultipliers: [1, 2], numResBlocks: 1 },
    clip: {
      embedDim: 16,
      image: { imageSize: 28, patchSize: 14, width: 32, layers: 2, headChannels: 16 },
      text: { vocabularySize: 20, width: 32, layers: 2, heads: 2 },
    },
    resampler: { width: 32, depth: 1, heads: 2, headChannels: 16, numQueries: 1, inputWidth: 32, outputWidth: 32 },
  } satisfies LatentVideoDiffusionOptions;
}

/** The model with random weights; layers that start at zero too, so that every tensor can be told from another. */
export function smallModel(unet: Partial<UNetOptions> = {}): LatentVideoDiffusion {
  manualSeed(7);
  const model = initializing({ random: true }, () => new LatentVideoDiffusion(smallOptions(unet)));
  noGrad(() => {
    for (const parameter of model.parameters()) parameter.add_(randnLike(parameter), { alpha: 0.1 });
  });
  return model;
}

/** The configuration of the small world. */
export function smallConfig(unet: Partial<UNetOptions> = {}): WorldConfig {
  const options = smallOptions(unet);
  return worldSchema.parse({
    name: "small",
    frame: { width: 16, height: 16, fps: 3 },
    contextFrames: 2,
    sampler: { numSteps: 2 },
    ...options,
  });
}

/** How the file differs from a whole causal checkpoint. */
export interface CheckpointForm {
  /** Which keys to keep. Default: all. */
  readonly keep?: (key: string) => boolean;
  readonly rename?: (key: string) => string;
  /** What lies beside the state dict. */
  readonly beside?: ReadonlyMap<string, unknown>;
  readonly under?: string;
}

/** Writes a model as the published code would. */
export async function writePublished(
  path: string,
  model: LatentVideoDiffusion,
  form: CheckpointForm = {},
): Promise<void> {
  const { keep = () => true, rename = (key) => key, beside = new Map(), under = "state_dict" } = form;
  const map = latentVideoDiffusionKeyMap(model.options);
  const state = [...model.stateDict()].flatMap(([key, value]) => {
    const original = map.toOriginal(key) ?? "";
    const tensor = new TorchTensorInput(value.dtype, value.shape, () => value.detach().toBytes());
    return keep(original) ? [[rename(original), tensor] as const] : [];
  });
  await writeTorchArchive(path, new Map<string, unknown>([...beside, [under, new OrderedDict(state)]]));
}
