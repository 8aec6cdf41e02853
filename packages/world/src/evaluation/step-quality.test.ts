// The measurement of quality against steps on a tiny world with random weights: what is counted, and what is the same.
import { manualSeed } from "@vid2world/torch";
import { expect, test } from "vitest";
import { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import { UNet3D } from "../model/unet/unet.js";
import { worldSchema } from "../world-config.js";
import { WorldModel } from "../world-model.js";
import { type StepQuality, measureStepQuality } from "./step-quality.js";
import { tinyAutoencoder, tinyUNet } from "../model/testing/tiny-options.js";

const config = worldSchema.parse({
  name: "tiny",
  frame: { width: 16, height: 16, fps: 10 },
  autoencoder: tinyAutoencoder,
  unet: {
    ...tinyUNet,
    temporalLength: 3,
  },
  sampler: { numSteps: 2, historyLevel: 20, eta: 0 },
});
manualSeed(1);
const world = new WorldModel({
  config,
  unet: new UNet3D(config.unet).eval(),
  autoencoder: new AutoencoderKL(config.autoencoder).eval(),
});
const bytes = (frames: number, factor: number): Uint8Array =>
  Uint8Array.from({ length: frames * 16 * 16 * 3 }, (_, i) => (i * factor) % 251);
const start = (factor: number) => ({
  ...{ source: "clip", frame: 1, actions_TA: new Float32Array() },
  ...{ context_THWC: bytes(1, factor), truth_THWC: bytes(2, factor + 1) },
});

test("every case is one point, with its evaluations; the same case measures the same", async () => {
  const cases = [
    { solver: "ddim", numSteps: 1 },
    { solver: "unipc", numSteps: 1 },
    { solver: "heun", numSteps: 3 },
  ] as const;
  const seen: StepQuality[] = [];
  const points = await measureStepQuality(world, [start(7), start(11)], {
    ...{ cases, frames: 2, seed: 0 },
    onPoint: (point) => seen.push(point),
  });
  expect(points).toEqual(seen);
  expect(points.map(({ evaluations }) => evaluations)).toEqual([1, 1, 5]);
  const [ddim, unipc] = points;
  expect(unipc?.psnr).toBeCloseTo(ddim?.psnr ?? NaN, 3);
  for (const { psnr, ssim, sharpness, cpuSecondsPerFrame } of points)
    expect([psnr, ssim, sharpness, cpuSecondsPerFrame].every(Number.isFinite)).toBe(true);
});
