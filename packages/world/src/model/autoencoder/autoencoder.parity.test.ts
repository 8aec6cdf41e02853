// The autoencoder in the contiguous memory format against recorded values; `verify` runs the same cases in the channels-last format.
import { inferenceMode } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { smallAutoencoder, type AutoencoderManifest } from "../testing/autoencoder-fixture.js";
import { hasFixture, manifest, maxError, pick, tensors } from "../testing/fixtures.js";
import { posteriorStd, samplePosterior } from "./autoencoder.js";

describe.skipIf(!hasFixture("vae_small.json"))("the autoencoder (skipped without the shared fixtures)", () => {
  test("encoding, sampling and decoding agree", async () => {
    const { io, tolerance } = manifest<AutoencoderManifest>("vae_small.json");
    const map = await tensors(io);
    const model = await smallAutoencoder({ memoryFormat: "contiguous" });
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
