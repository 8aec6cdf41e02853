// The resampler against recorded values of the published computation.
import { inferenceMode } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { renameState } from "./key-maps/key-map.js";
import { resamplerKeyMap } from "./key-maps/resampler.js";
import { Resampler, type ResamplerOptions } from "./resampler.js";
import { below, hasFixture, manifest, maxError, pick, tensors } from "./testing/fixtures.js";

interface Variant {
  readonly dim: number;
  readonly depth: number;
  readonly dim_head: number;
  readonly heads: number;
  readonly num_queries: number;
  readonly embedding_dim: number;
  readonly output_dim: number;
  readonly ff_mult: number;
  readonly video_length?: number | null;
}

const optionsOf = (variant: Variant): ResamplerOptions => ({
  width: variant.dim,
  depth: variant.depth,
  headChannels: variant.dim_head,
  heads: variant.heads,
  numQueries: variant.num_queries,
  inputWidth: variant.embedding_dim,
  outputWidth: variant.output_dim,
  feedForwardMultiplier: variant.ff_mult,
  videoLength: variant.video_length ?? 1,
});

describe.skipIf(!hasFixture("resampler_small.json"))("the resampler (skipped without the shared fixtures)", () => {
  test("every recorded variant agrees", async () => {
    const { config } = manifest<{ config: Record<string, Variant> }>("resampler_small.json");
    const map = await tensors("resampler_small.safetensors");
    for (const [name, variant] of Object.entries(config)) {
      const options = optionsOf(variant);
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
