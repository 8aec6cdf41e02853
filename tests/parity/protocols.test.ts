// The protocol `ar` from pictures to pictures against the recorded run of the published model: encoding, scene, sampling and decoding as
// `vid2world rollout` puts them together.
import { type Tensor, fromTypedArray } from "@vid2world/torch";
import { WorldModel, worldSchema } from "@vid2world/world";
import { sampleAutoregressive } from "@vid2world/world/evaluation/protocols/autoregressive";
import { blockOf, sliceBlock } from "@vid2world/world/evaluation/protocols/frame-block";
import { renameState } from "@vid2world/world/model/key-maps/key-map";
import { resamplerKeyMap } from "@vid2world/world/model/key-maps/resampler";
import { Resampler } from "@vid2world/world/model/resampler";
import { smallAutoencoder } from "@vid2world/world/model/testing/autoencoder-fixture";
import { smallTowers } from "@vid2world/world/model/testing/clip-fixture";
import { below, hasFixture, manifest, maxError, pick, tensors } from "@vid2world/world/model/testing/fixtures";
import { type ResamplerVariant, resamplerOptions } from "@vid2world/world/model/testing/resampler-fixture";
import { smallUNet } from "@vid2world/world/model/testing/unet-fixture";
import { sceneDescriber } from "@vid2world/world/world-scene";
import { expect, test } from "vitest";
import { autoregressiveNoise, framesFirst } from "./small-world.js";

interface EndToEndManifest {
  readonly parts: { readonly resampler: ResamplerVariant };
  readonly sampler?: { readonly cond_frame: number; readonly S: number; readonly eta: number };
  readonly tolerance: { readonly video_abs: number };
}

const parts = ["e2e_small", "unet_small", "vae_small", "clip_small", "train_loss"].map((stem) => `${stem}.json`);

test.skipIf(!parts.every(hasFixture))(
  "protocol ar gives the recorded pictures (skipped without the shared fixtures)",
  async () => {
    const { parts, tolerance, sampler } = manifest<EndToEndManifest>("e2e_small.json");
    const { cond_frame: contextFrames, S: numSteps, eta } = sampler ?? { cond_frame: 2, S: 5, eta: 0 };
    const { linear_start, linear_end, base_scale } = manifest<{
      readonly config: { readonly linear_start: number; readonly linear_end: number; readonly base_scale: number };
    }>("train_loss.json").config;
    const map = await tensors("e2e_small.safetensors");
    const input = (key: string): Tensor => pick(map, key);

    const actions_BTA = input("in.action");
    const video_BTCHW = framesFirst(input("in.video"));
    const [, frames, , height, width] = video_BTCHW.dims("B T C H W");
    const unet = await smallUNet(true, actions_BTA.size(2));
    const autoencoder = await smallAutoencoder();
    const options = resamplerOptions(parts.resampler);
    const { state } = renameState(below(map, "resampler."), resamplerKeyMap(options), "toOurs");
    const resampler = new Resampler(options).loadStateDict(state).eval();
    const config = worldSchema.parse({
      name: "recorded",
      frame: { height, width, fps: 3 },
      contextFrames,
      autoencoder: autoencoder.options,
      unet: unet.options,
      diffusion: { linearStart: linear_start, linearEnd: linear_end, baseScale: base_scale },
      sampler: { numSteps, eta },
    });
    const describeScene = sceneDescriber({ ...(await smallTowers()), resampler });
    const world = new WorldModel({ config, unet, autoencoder, describeScene });

    const known = sliceBlock(blockOf(video_BTCHW.select(0, 0)), 0, contextFrames);
    const actions_TA = actions_BTA.select(0, 0).contiguous().toTypedArray() as Float32Array;
    const sampled = autoregressiveNoise(input, contextFrames);
    const [made] = await sampleAutoregressive(
      world,
      { known: [known], actions_TA: [actions_TA], seeds: [0] },
      {
        frames: frames - contextFrames,
        noise: (purpose, shape) =>
          purpose.kind === "posterior"
            ? input("in.vae_noise").select(0, purpose.frame).unsqueeze(0)
            : sampled(purpose, shape),
      },
    );
    const made_BTCHW = fromTypedArray(made?.values ?? new Float32Array(), [1, frames, 3, height, width]);
    expect(maxError(framesFirst(made_BTCHW), input("out.samples_video"))).toBeLessThanOrEqual(tolerance.video_abs);
  },
  600_000,
);
