// The autoencoder against recorded values of the published computation.
import { inferenceMode } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { autoencoderKeyMap } from "../key-maps/autoencoder.js";
import { renameState } from "../key-maps/key-map.js";
import { hasFixture, manifest, maxError, pick, tensors } from "../testing/fixtures.js";
import { AutoencoderKL, posteriorStd, samplePosterior } from "./autoencoder.js";
import type { AutoencoderOptions } from "./options.js";

interface Manifest {
  readonly config: { in_channels: number; ch: number; ch_mult: number[]; num_res_blocks: number; z_channels: number };
  readonly embed_dim: number;
  readonly weight_files: readonly string[];
  readonly io: string;
  readonly tolerance: { readonly abs: number };
}

async function recorded(memoryFormat: "channelsLast" | "contiguous"): Promise<AutoencoderKL> {
  const { config, embed_dim, weight_files } = manifest<Manifest>("vae_small.json");
  const options: AutoencoderOptions = {
    inChannels: config.in_channels,
    ch: config.ch,
    channelMultipliers: config.ch_mult,
    numResBlocks: config.num_res_blocks,
    zChannels: config.z_channels,
    embedDim: embed_dim,
    memoryFormat,
  };
  const { state, unknown } = renameState(await tensors(...weight_files), autoencoderKeyMap(options), "toOurs");
  expect(unknown).toEqual([]);
  return new AutoencoderKL(options).loadStateDict(state).eval();
}

describe.skipIf(!hasFixture("vae_small.json"))("the autoencoder (skipped without the shared fixtures)", () => {
  test.each(["channelsLast", "contiguous"] as const)("encoding, sampling and decoding agree: %s", async (format) => {
    const { io, tolerance } = manifest<Manifest>("vae_small.json");
    const map = await tensors(io);
    const model = await recorded(format);
    const x = pick(map, "in.x");
    inferenceMode(() => {
      const posterior = model.encode(x);
      const sample = samplePosterior(posterior, pick(map, "in.noise"));
      const got = {
        "out.moments": model.moments(x),
        "out.mean": posterior.mean_NCHW,
        "out.logvar": posterior.logVariance_NCHW,
        "out.std": posteriorStd(posterior),
        "out.sample": sample,
        "out.scaled_latent": sample.mul(0.18215),
        "out.decode_sample": model.decode(sample),
        "out.decode_mode": model.decode(posterior.mean_NCHW),
        "out.decode_z2": model.decode(pick(map, "in.z2")),
      };
      for (const [name, value] of Object.entries(got)) {
        const error = maxError(value, pick(map, name));
        expect(error, name).toBeLessThanOrEqual(tolerance.abs);
      }
    });
  });
});
