// Causal convolutions and timestep embeddings against recorded values.
import { inferenceMode, type Tensor } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { hasFixture, manifest, maxError, pick, tensors } from "../testing/fixtures.js";
import { causalConv } from "./causal-conv.js";
import { timestepEmbedding } from "./timestep-embedding.js";

const INPUT_BY_AXES: Readonly<Record<number, string>> = { 1: "c1.x", 2: "c2.x", 3: "c3t.x" };

describe.skipIf(!hasFixture("causal_conv.safetensors"))(
  "causal convolutions (skipped without the shared fixtures)",
  () => {
    test("every recorded kernel shape and dilation agrees", async () => {
      const map = await tensors("causal_conv.safetensors");
      const groups = [...map.keys()]
        .filter((key) => key.endsWith(".weight"))
        .map((key) => key.slice(0, -".weight".length));
      expect(groups.length).toBeGreaterThanOrEqual(6);
      for (const group of groups) {
        const weight = pick(map, `${group}.weight`);
        const x = map.get(`${group}.x`) ?? pick(map, INPUT_BY_AXES[weight.shape.length - 2] as string);
        const dilation = Number(/^c1d(\d+)$/.exec(group)?.[1] ?? 1);
        const y = inferenceMode(() => causalConv(x, weight, { bias: pick(map, `${group}.bias`), dilation }));
        expect(maxError(y, pick(map, `${group}.y`)), group).toBeLessThanOrEqual(1e-5);
      }
    });
  },
);

describe.skipIf(!hasFixture("timestep_embedding.json"))(
  "timestep embeddings (skipped without the shared fixtures)",
  () => {
    test("integer, per-frame and fractional timesteps agree at every width", async () => {
      const { tolerance } = manifest<{ tolerance: { abs: number } }>("timestep_embedding.json");
      const map = await tensors("timestep_embedding.safetensors");
      const cases = [...map].flatMap(([key, expected]): [string, string, number, Tensor][] => {
        const match = /^emb([12f])_(\d+)$/.exec(key);
        return match === null ? [] : [[key, `t${match[1]}`, Number(match[2]), expected]];
      });
      expect(cases.length).toBeGreaterThanOrEqual(9);
      for (const [name, input, width, expected] of cases) {
        expect(maxError(timestepEmbedding(pick(map, input), width), expected), name).toBeLessThanOrEqual(tolerance.abs);
      }
    });
  },
);
