// The published model used as a whole, from pixels to pixels: latents, the tokens of the scene, frame by frame sampling, decoding.
// Axes: B batch (1), T frames, C channels, H height, W width.
import { full, noGrad, scope, stack, type Tensor } from "@vid2world/torch";
import * as z from "zod";

import { rollout } from "../../../diffusion/rollout.js";
import { samplePosterior, type AutoencoderKL } from "../../../model/autoencoder/autoencoder.js";
import { networkOf } from "../../../world-network.js";
import { sceneDescriber } from "../../../world-scene.js";
import { compareRecorded, type Check } from "../check.js";
import { tensorFile, type FixtureSet, type Manifest } from "../fixture-set.js";
import { findUNet, recordedUNet, swapTime } from "../models/published-unet.js";
import { recordedAutoencoder } from "../models/recorded-autoencoder.js";
import { recordedClip } from "../models/recorded-clip.js";
import { recordedResampler, resamplerConfigSchema } from "../models/recorded-resampler.js";
import { frameNoise, samplerDefaultsSchema, samplerOf, samplingCaseSchema } from "../models/recorded-sampling.js";
import { recordedSchedule } from "../models/recorded-schedule.js";
import { skipped, type CaseKind } from "../recorded-case.js";
import type { Workspace } from "../workspace.js";

const manifestSchema = z.looseObject({
  parts: z.looseObject({ resampler: resamplerConfigSchema }),
  sampler: samplerDefaultsSchema
    .extend({ cond_frame: z.int().min(1).default(2), fs: z.number().default(3) })
    .prefault({}),
  tolerance: z
    .looseObject({
      z_abs: z.number().default(1e-4),
      crossattn_abs: z.number().default(1e-3),
      latent_abs: z.number().default(5e-3),
      video_abs: z.number().default(1e-2),
    })
    .prefault({}),
});

/** What the published model multiplies latents with for diffusion. */
const SCALE_FACTOR = 0.18215;

/** One case: the whole way. */
export const endToEnd: CaseKind = {
  name: "e2e_small",
  cases(manifest, set) {
    manifest.read(manifestSchema);
    const parts = { unet: findUNet(set), autoencoder: set.find("vae_small"), clip: set.find("clip_small") };
    const { unet, autoencoder, clip } = parts;
    if (unet === undefined || autoencoder === undefined || clip === undefined) {
      return Promise.resolve([skipped("whole model", "needs unet_small, vae_small and clip_small in the same folder")]);
    }
    const run = (workspace: Workspace) => wholeModel(workspace, manifest, set, { unet, autoencoder, clip });
    return Promise.resolve([{ name: "whole model", usesDtype: true, run }]);
  },
};

async function wholeModel(
  workspace: Workspace,
  manifest: Manifest,
  set: FixtureSet,
  parts: { readonly unet: Manifest; readonly autoencoder: Manifest; readonly clip: Manifest },
): Promise<readonly Check[]> {
  const { parts: configs, sampler, tolerance } = manifest.read(manifestSchema);
  const input = await workspace.load(tensorFile(manifest));
  const actions_BTA = input.get("in.action");
  const autoencoder = await recordedAutoencoder(workspace, parts.autoencoder);
  const towers = await recordedClip(workspace, parts.clip);
  const weights = input.below("resampler.");
  const resampler = recordedResampler(workspace, configs.resampler, weights, manifest.file);
  const unet = await recordedUNet(workspace, parts.unet, { causal: true, actionDim: actions_BTA.size(2) });

  const video_TCHW = swapTime(input.get("in.video")).select(0, 0);
  const made = noGrad(() =>
    scope(() => {
      const z_TCHW = samplePosterior(autoencoder.encode(video_TCHW), input.get("in.vae_noise")).mul(SCALE_FACTOR);
      const z_BTCHW = stack([z_TCHW]).float();
      const reconstruction_BTCHW = decode(autoencoder, z_BTCHW);
      const describe = sceneDescriber({ ...towers, resampler });
      const scene = describe(video_TCHW.narrow(0, 0, 1), () => reconstruction_BTCHW.select(1, 0));
      return { z_BTCHW, reconstruction_BTCHW, scene, fps_B: full([1], sampler.fs, { device: workspace.device }) };
    }),
  );
  const { z_BTCHW, scene, fps_B } = made;
  const tensors = [z_BTCHW, made.reconstruction_BTCHW, fps_B, scene.context, scene.unconditionalContext];
  for (const tensor of tensors) if (tensor) workspace.own(tensor);
  const frames = z_BTCHW.size(1);
  const contextFrames = sampler.cond_frame;
  const sampled = await rollout(
    networkOf(unet),
    {
      ...scene,
      fps_B,
      actions_BTA,
      latents_BTCHW: z_BTCHW.narrow(1, 0, contextFrames),
      numFrames: frames - contextFrames,
    },
    {
      schedule: recordedSchedule(manifest, set),
      sampler: samplerOf(samplingCaseSchema.parse({ ar: true }), sampler),
      windowLength: frames,
      noise: frameNoise(input, contextFrames),
    },
  );
  const samples_BTCHW = workspace.own(sampled);
  return noGrad(() =>
    scope(() => {
      const compare = (name: string, actual: () => Tensor | undefined, abs: number): Check[] =>
        compareRecorded(input, `out.${name}`, () => actual() ?? missing(name), { abs });
      const first_B1CHW = z_BTCHW.narrow(1, 0, 1);
      return [
        ...compare("z", () => swapTime(z_BTCHW), tolerance.z_abs),
        ...compare("c_concat", () => swapTime(first_B1CHW.expand([-1, frames, -1, -1, -1])), tolerance.z_abs),
        ...compare("reconstruction", () => swapTime(made.reconstruction_BTCHW), tolerance.video_abs),
        ...compare("c_crossattn", () => scene.context, tolerance.crossattn_abs),
        ...compare("uc_crossattn", () => scene.unconditionalContext, tolerance.crossattn_abs),
        ...compare("samples_latent", () => swapTime(samples_BTCHW), tolerance.latent_abs),
        ...compare("samples_video", () => swapTime(decode(autoencoder, samples_BTCHW)), tolerance.video_abs),
      ];
    }),
  );
}

const decode = (autoencoder: AutoencoderKL, latents_BTCHW: Tensor): Tensor =>
  stack([autoencoder.decode(latents_BTCHW.select(0, 0).div(SCALE_FACTOR)).float()]);

function missing(name: string): never {
  throw new TypeError(`${name}: the scene has no such tokens`);
}
