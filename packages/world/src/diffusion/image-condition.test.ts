// Which clean frame a frame is told of, in training and in a rollout.
import { type Tensor, cat, scope, tensor, zerosLike } from "@vid2world/torch";
import { expect, test } from "vitest";
import type { Network } from "./denoiser.js";
import { imageCondition } from "./image-condition.js";
import { diffusionLoss, lossSchema } from "./loss.js";
import { seededNoise } from "./noise.js";
import { rollout, sampleClip } from "./rollout.js";
import { samplerSchema } from "./samplers/sampler-config.js";
import { diffusionSchema, noiseSchedule } from "./schedule.js";

const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array, Number);
/** One clip of one-pixel frames. */
const clip = (...values: number[]): Tensor => tensor([values.map((value) => [[[value]]])]);
const schedule = noiseSchedule(diffusionSchema.parse({ imageCondition: "previous-frame" }));

test("the first frame is repeated, or every frame is told the one before it", () => {
  expect(numbers(imageCondition("first-frame", clip(1, 2, 3)))).toEqual([1, 1, 1]);
  expect(numbers(imageCondition("previous-frame", clip(1, 2, 3)))).toEqual([1, 1, 2]);
  expect(numbers(imageCondition("previous-frame", clip(1, 2, 3), 4))).toEqual([1, 1, 2, 3]);
  expect(numbers(imageCondition("previous-frame", clip(1, 2, 3), 1))).toEqual([1]);
});

test("training and rollout show the network the same frames", async () => {
  const seen: number[][] = [];
  const spy: Network = (x, _, { concat_BTCHW }) => {
    seen.push(numbers(concat_BTCHW as Tensor));
    return zerosLike(x);
  };
  scope(() => [diffusionLoss(spy, schedule, { latents_BTCHW: clip(1, 2, 3) }).loss]);
  expect(seen.pop()).toEqual([1, 1, 2]);
  const sampler = samplerSchema.parse({ numSteps: 2, guidanceScale: 1 });
  const settings = { schedule, sampler, windowLength: 3, noise: seededNoise([1]) };
  const made = await rollout(spy, { latents_BTCHW: clip(1, 2, 3), numFrames: 2 }, settings);
  const [first, , third] = [seen[0], seen[1], seen[2]];
  expect(first).toEqual([2, 2, 3]);
  expect(third).toEqual([3, 3, numbers(made)[3]]);
});

test("noise on the image condition differs from clip to clip and stays off the target", () => {
  scope(() => {
    let condition: Tensor | undefined;
    const spy: Network = (x, _, { concat_BTCHW }) => {
      condition = concat_BTCHW;
      return zerosLike(x);
    };
    const latents_BTCHW = cat([clip(1, 2), clip(1, 2)]);
    diffusionLoss(spy, schedule, { latents_BTCHW }, lossSchema.parse({ imageNoise: 0.5 }));
    const added = numbers((condition as Tensor).sub(imageCondition("previous-frame", latents_BTCHW)));
    expect(new Set(added).size).toBe(4);
    expect(Math.max(...added.map(Math.abs))).toBeLessThan(3);
    return [];
  });
});

test("a clip that is sampled as a whole has no previous frames, and says so", () => {
  const sampler = samplerSchema.parse({ numSteps: 2 });
  const start = { latents_BTCHW: clip(1), numFrames: 3 };
  const settings = { schedule, sampler, noise: seededNoise([1]) };
  expect(() => sampleClip((x) => x, start, settings)).toThrow(/imageCondition: expected first-frame/);
});
