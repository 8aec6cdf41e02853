// How a diffusion model's validation computes: as its training does, so that a run that fits into memory ends well.
import { expect, test } from "vitest";
import { Linear, randn, type Tensor } from "@vid2world/torch";
import { lossSchema } from "../diffusion/loss.js";
import { diffusionSchema, noiseSchedule } from "../diffusion/schedule.js";
import type { ClipSource } from "./clip-source.js";
import { denoisingObjective } from "./denoising-objective.js";

const clips: ClipSource<number> = {
  episodes: [{ name: "e", frames: 40 }],
  frames: 4,
  read: (places) => Promise.resolve(places.length),
  clips: (count) => ({ latents_BTCHW: randn([count, 4, 2, 2, 2]) }),
  close: () => Promise.resolve(),
};

async function validate(batchSize: number, precision: "float32" | "bfloat16") {
  const layer = new Linear(2, 2);
  const seen: { batch: number; dtype: string }[] = [];
  const network = (x_BTCHW: Tensor): Tensor => {
    const y_BTCHW = layer.forward(x_BTCHW);
    seen.push({ batch: x_BTCHW.size(0), dtype: y_BTCHW.dtype });
    return y_BTCHW;
  };
  const objective = await denoisingObjective({
    ...{ module: layer, network, schedule: noiseSchedule(diffusionSchema.parse({})), loss: lossSchema.parse({}) },
    ...{ clips, validation: clips, useActions: false, settings: { batchSize, device: "cpu", precision } },
  });
  return { seen, first: objective.validate?.(), second: objective.validate?.() };
}

test("validation takes batches of the training's size, in its precision, and gives the same each time", async () => {
  const { seen, first, second } = await validate(12, "bfloat16");
  expect(seen.slice(0, 3)).toEqual([12, 12, 8].map((batch) => ({ batch, dtype: "bfloat16" })));
  expect(first?.["loss"]).toBeGreaterThan(0);
  expect(second).toEqual(first);
});
