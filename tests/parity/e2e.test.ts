// A whole use of the published model, from pixels to pixels: latents, the scene's tokens, frame by frame sampling, decoding.
import { type Tensor, full, inferenceMode, stack } from "@vid2world/torch";
import { rollout } from "@vid2world/world/diffusion/rollout";
import { samplerSchema } from "@vid2world/world/diffusion/samplers/sampler-config";
import { scheduleTables } from "@vid2world/world/diffusion/schedule-tables";
import { samplePosterior } from "@vid2world/world/model/autoencoder/autoencoder";
import { renameState } from "@vid2world/world/model/key-maps/key-map";
import { scheduleKeys } from "@vid2world/world/model/key-maps/latent-video-diffusion";
import { resamplerKeyMap } from "@vid2world/world/model/key-maps/resampler";
import { Resampler } from "@vid2world/world/model/resampler";
import { smallAutoencoder } from "@vid2world/world/model/testing/autoencoder-fixture";
import { smallTowers } from "@vid2world/world/model/testing/clip-fixture";
import { below, hasFixture, manifest, maxError, pick, tensors } from "@vid2world/world/model/testing/fixtures";
import { type ResamplerVariant, resamplerOptions } from "@vid2world/world/model/testing/resampler-fixture";
import { sceneDescriber } from "@vid2world/world/world-scene";
import { expect, test } from "vitest";
import { type Lookup, autoregressiveNoise, framesFirst, recordedSchedule, smallNetwork } from "./small-world.js";

interface EndToEndManifest {
  readonly parts: { readonly resampler: ResamplerVariant };
  readonly sampler?: {
    readonly cond_frame: number;
    readonly S: number;
    readonly eta: number;
    readonly scale: number;
    readonly guidance_rescale: number;
    readonly spacing: string;
    readonly fs: number;
  };
  readonly tolerance: {
    readonly z_abs: number;
    readonly crossattn_abs: number;
    readonly latent_abs: number;
    readonly video_abs: number;
  };
}

const LATENT_SCALE = 0.18215;
/** What the recorded run used where the manifest does not say. */
const published = {
  cond_frame: 2,
  S: 5,
  eta: 0,
  scale: 2.5,
  guidance_rescale: 0.7,
  spacing: "uniform_trailing",
  fs: 3,
};

const parts = ["e2e_small", "unet_small", "vae_small", "clip_small", "train_loss"].map((stem) => `${stem}.json`);

test.skipIf(!parts.every(hasFixture))(
  "from pixels to pixels (skipped without the shared fixtures)",
  async () => {
    const { parts, tolerance, ...recorded } = manifest<EndToEndManifest>("e2e_small.json");
    const given = { ...published, ...recorded.sampler };
    const map = await tensors("e2e_small.safetensors");
    const input: Lookup = (key) => pick(map, key);
    const compare = (got: Tensor, name: string, limit: number): void =>
      expect(maxError(got, input(`out.${name}`)), name).toBeLessThanOrEqual(limit);

    const autoencoder = await smallAutoencoder();
    const options = resamplerOptions(parts.resampler);
    const { state } = renameState(below(map, "resampler."), resamplerKeyMap(options), "toOurs");
    const resampler = new Resampler(options).loadStateDict(state).eval();
    const describeScene = sceneDescriber({ ...(await smallTowers()), resampler });
    const decode = (latents_BTCHW: Tensor): Tensor =>
      inferenceMode(() => stack([autoencoder.decode(latents_BTCHW.select(0, 0).div(LATENT_SCALE))]));

    const video_TCHW = framesFirst(input("in.video")).select(0, 0);
    const z_BTCHW = inferenceMode(() =>
      stack([samplePosterior(autoencoder.encode(video_TCHW), input("in.vae_noise")).mul(LATENT_SCALE)]),
    );
    compare(framesFirst(z_BTCHW), "z", tolerance.z_abs);
    const frames = z_BTCHW.size(1);
    const first_B1CHW = z_BTCHW.narrow(1, 0, 1);
    compare(framesFirst(first_B1CHW.expand([-1, frames, -1, -1, -1])), "c_concat", tolerance.z_abs);

    const reconstruction_BTCHW = decode(z_BTCHW);
    compare(framesFirst(reconstruction_BTCHW), "reconstruction", tolerance.video_abs);
    const scene = describeScene(video_TCHW.narrow(0, 0, 1), () => reconstruction_BTCHW.select(1, 0));
    const { context, unconditionalContext } = scene;
    compare(context as Tensor, "c_crossattn", tolerance.crossattn_abs);
    compare(unconditionalContext as Tensor, "uc_crossattn", tolerance.crossattn_abs);

    const actions_BTA = input("in.action");
    const contextFrames = given.cond_frame;
    const samples_BTCHW = await rollout(
      await smallNetwork(actions_BTA.size(2)),
      {
        ...scene,
        fps_B: full([1], given.fs),
        latents_BTCHW: z_BTCHW.narrow(1, 0, contextFrames),
        actions_BTA,
        numFrames: frames - contextFrames,
      },
      {
        schedule: recordedSchedule(),
        sampler: samplerSchema.parse({
          numSteps: given.S,
          spacing: given.spacing,
          eta: given.eta,
          guidanceScale: given.scale,
          guidanceRescale: given.guidance_rescale,
        }),
        windowLength: frames,
        noise: autoregressiveNoise(input, contextFrames),
      },
    );
    compare(framesFirst(samples_BTCHW), "samples_latent", tolerance.latent_abs);
    compare(framesFirst(decode(samples_BTCHW)), "samples_video", tolerance.video_abs);
  },
  600_000,
);

test.skipIf(!hasFixture("full_keys_causal.json"))(
  "the tables of the schedule have the shapes of a complete checkpoint (skipped without the shared fixtures)",
  () => {
    const { keys } = manifest<{ keys: Record<string, [number[], string]> }>("full_keys_causal.json");
    const shapes = [...scheduleTables(recordedSchedule())].map(([name, values]) => [name, [values.length]]);
    expect(shapes).toEqual(scheduleKeys.map((name) => [name, keys[name]?.[0]]));
  },
);
