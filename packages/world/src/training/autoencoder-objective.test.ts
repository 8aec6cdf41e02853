// The autoencoder's loss against its definition, and its objective: what trains, what validates, and that nothing leaks.
import { describe, expect, test } from "vitest";
import { liveTensors, manualSeed, noGrad, randn, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { AutoencoderKL, posteriorDivergence, samplePosterior } from "../model/autoencoder/autoencoder.js";
import { autoencoderLosses, autoencoderLossSchema, reconstruction } from "./autoencoder-objective.js";
import { frameObjective } from "./frame-objective.js";
import { drawFor } from "./draws.js";
import { frameTable } from "./frame-table.js";
import { toPixels } from "./pixels.js";
import { syntheticEpisodes } from "./synthetic.js";

const options = { ch: 8, channelMultipliers: [1, 1], numResBlocks: 1, normGroups: 4 };
const size = { height: 16, width: 16 };
manualSeed(1);
const autoencoder = new AutoencoderKL(options);
const episodes = syntheticEpisodes({ episodes: 2, frames: 6, size: 16, seed: 0 });

describe("the loss", () => {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

  test("is the weighted sum of L1, MSE and the divergence per pixel", () => {
    const pixels = randn([2, 3, 16, 16]).clamp({ min: -1, max: 1 });
    const weights = { l1: 2, mse: 3, kl: 0.5 };
    manualSeed(7);
    const { total, parts = {} } = noGrad(() => autoencoderLosses(autoencoder, pixels, weights));
    manualSeed(7); // the same sample of the posterior
    const [errors, kl] = noGrad(() => {
      const posterior = autoencoder.encode(pixels);
      const error = autoencoder.decode(samplePosterior(posterior)).sub(pixels);
      return [error.toNumbers(), posteriorDivergence(posterior).sum().item() / (2 * 3 * 16 * 16)] as const;
    });
    const l1 = mean(errors.map(Math.abs));
    const mse = mean(errors.map((error) => error * error));
    expect((parts["l1"] as Tensor).item()).toBeCloseTo(l1, 5);
    expect((parts["mse"] as Tensor).item()).toBeCloseTo(mse, 5);
    expect((parts["kl"] as Tensor).item()).toBeCloseTo(kl, 5);
    expect(total.item()).toBeCloseTo(2 * l1 + 3 * mse + 0.5 * kl, 4);
  });

  test("has a small pull towards the normal by default and refuses negative weights", () => {
    expect(autoencoderLossSchema.parse({})).toEqual({ l1: 1, mse: 1, kl: 1e-6 });
    expect(() => autoencoderLossSchema.parse({ mse: -1 })).toThrow();
  });
});

describe("the objective", () => {
  const objective = async (validated: boolean): Promise<ReturnType<typeof frameObjective>> => {
    const frames = await frameTable(episodes);
    return frameObjective(reconstruction(autoencoder, autoencoderLossSchema.parse({})), {
      ...{ frames, toPixels: toPixels(size, size), batchSize: 3, device: "cpu" },
      ...(validated && { validation: frames }),
    });
  };

  test("reaches every parameter, and the draw decides which frames are seen", async () => {
    const training = await objective(false);
    expect(training.validate?.()).toBeUndefined();
    const lossOf = (stream: number): number => {
      manualSeed(2);
      return scope(() => training.losses(drawFor(0, stream)).total.item());
    };
    expect(lossOf(1)).toBe(lossOf(1));
    expect(lossOf(2)).not.toBe(lossOf(1));
    scope(() => {
      training.losses(drawFor(0, 1)).total.backward();
    });
    for (const [name, { grad }] of autoencoder.namedParameters()) expect(grad, name).toBeDefined();
    autoencoder.parameters().forEach((parameter) => (parameter.grad = undefined));
  });

  test("validates by the reconstruction's PSNR, the same every time, and leaves no tensors behind", async () => {
    const training = await objective(true);
    const first = training.validate?.();
    const before = liveTensors();
    expect(training.validate?.()).toEqual(first);
    expect(liveTensors()).toBe(before);
    expect(first?.["psnr"]).toBeGreaterThan(0);
  });
});
