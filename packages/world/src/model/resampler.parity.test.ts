// The resampler against recorded values of the published computation.
import { inferenceMode } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { renameState } from "./key-maps/key-map.js";
import { resamplerKeyMap } from "./key-maps/resampler.js";
import { Resampler } from "./resampler.js";
import { below, hasFixture, manifest, maxError, pick, tensors } from "./testing/fixtures.js";
import { resamplerOptions, type ResamplerVariant } from "./testing/resampler-fixture.js";

describe.skipIf(!hasFixture("resampler_small.json"))("the resampler (skipped without the shared fixtures)", () => {
  test("every recorded variant agrees", async () => {
    const { config } = manifest<{ config: Record<string, ResamplerVariant> }>("resampler_small.json");
    const map = await tensors("resampler_small.safetensors");
    for (const [name, variant] of Object.entries(config)) {
      const options = resamplerOptions(variant);
      const { state, unknown } = renameState(below(map, `${name}.w.`), resamplerKeyMap(options), "toOurs");
      expect(unknown).toEqual([]);
      const model = new Resampler(options).loadStateDict(state).eval();
      const error = maxError(
        inferenceMode(() => model.forward(pick(map, `${name}.in`))),
        pick(map, `${name}.out`),
      );
      expect(error).toBeLessThanOrEqual(1e-4);
    }
  });
});
