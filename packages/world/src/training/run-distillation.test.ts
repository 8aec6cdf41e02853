// Distillation of a small world: the student comes closer to the teacher's many steps than the teacher itself does with as few, and what
// does not fit is refused.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Tensor, loadSafetensors, scope } from "@vid2world/torch";
import { readWorldConfig } from "../world-folder.js";
import { type TrainingConfig, trainingConfigSchema } from "./config.js";
import { runTraining } from "./run.js";

let folder: string;
const data = { synthetic: { episodes: 2, frames: 20, size: 16 } };
/** The same without validation, which takes longer than a few steps. */
const unmeasured = { synthetic: { ...data.synthetic, validationEpisodes: 0 } };
const settings = { batchSize: 8, threads: 1, seed: 3, warmupSteps: 2 };

const config = (more: object = {}, training: object = {}): TrainingConfig =>
  trainingConfigSchema.parse({
    kind: "distillation",
    ...{ data, teacher: path.join(folder, "teacher"), latents: { cache: path.join(folder, "latents") } },
    distillation: { steps: 1, frames: 1, teacher: { numSteps: 4 } },
    training: { ...settings, maxSteps: 9, learningRate: 0.006, logEvery: 3, ...training },
    ...more,
  });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "distillation-run-"));
  const world = trainingConfigSchema.parse({
    kind: "world",
    data: unmeasured,
    latents: { autoencoder: { untrained: { ch: 8, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 4 } } },
    model: {
      ...{ inChannels: 8, outChannels: 4, modelChannels: 16, channelMultipliers: [1], numResBlocks: 1 },
      ...{ attentionResolutions: [1], headChannels: 8, normGroups: 2, temporalLength: 3, temporalNorm: "causal" },
      ...{ actionDim: 2, fpsCondition: false, additionAttention: false, dropout: 0, temporalConvDropout: 0 },
    },
    diffusion: { imageCondition: "previous-frame" },
    sampler: { guidanceScale: 1.5, guidanceRescale: 0, historyLevel: 20 },
    training: { ...settings, maxSteps: 24, learningRate: 0.008 },
  });
  await runTraining(world, { folder: path.join(folder, "teacher") });
});
afterAll(() => rm(folder, { recursive: true }));

const maxDifference = (a: Tensor, b: Tensor): number => scope(() => a.sub(b).abs().max().item());

async function metricsOf(run: string, type: string): Promise<Record<string, number>[]> {
  const lines = (await readFile(path.join(run, "metrics.jsonl"), "utf8")).trim().split("\n");
  return lines
    .map((line) => JSON.parse(line) as { type: string } & Record<string, number>)
    .filter((l) => l.type === type);
}

test("one step of the student comes closer to the guided teacher's many than one step of the teacher", async () => {
  const run = path.join(folder, "run");
  const { output, finished } = await runTraining(config(), { folder: run });
  expect(finished).toBe(true);
  const losses = (await metricsOf(run, "progress")).map(({ loss }) => loss as number);
  expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  const last = (await metricsOf(run, "validation")).at(-1);
  expect(last?.["distance"]).toBeLessThan(0.95 * (last?.["distanceOfTeacher"] as number));
  const { sampler, unet } = await readWorldConfig(output);
  expect(sampler).toMatchObject({ solver: "ddim", numSteps: 1, guidanceScale: 1, eta: 0, evaluation: "streaming" });
  expect(unet).toEqual((await readWorldConfig(path.join(folder, "teacher/world"))).unet);
});

test("a run that was interrupted goes on to the same weights", async () => {
  const few = config(
    { data: unmeasured, distillation: { steps: 2, frames: 1, teacher: { numSteps: 3 } } },
    { maxSteps: 2, batchSize: 2 },
  );
  const half = { ...few, training: { ...few.training, maxSteps: 1 } } as TrainingConfig;
  const [whole, parts] = [path.join(folder, "whole"), path.join(folder, "parts")];
  await runTraining(few, { folder: whole });
  await runTraining(half, { folder: parts });
  await runTraining(few, { folder: parts, resume: true });
  const [a, b] = await Promise.all(
    [whole, parts].map((run) => loadSafetensors(path.join(run, "world/unet.safetensors"))),
  );
  for (const [key, value] of a ?? []) expect(maxDifference(value, b?.get(key) as Tensor), key).toBe(0);
});

test("autocast trains the same parameters", async () => {
  const norms: number[] = [];
  for (const precision of ["float32", "bfloat16"]) {
    const run = path.join(folder, precision);
    await runTraining(config({ data: unmeasured }, { precision, maxSteps: 2, logEvery: 2, batchSize: 2 }), {
      folder: run,
    });
    norms.push((await metricsOf(run, "progress"))[0]?.["gradientNorm"] as number);
  }
  // Weights that were cast without gradients would lack them here.
  expect(norms[1] as number).toBeGreaterThan(0.8 * (norms[0] as number));
});

test("other frames than the teacher's, a teacher with as few steps, and a missing one are refused", async () => {
  const larger = config({ data: { synthetic: { episodes: 1, frames: 8, size: 32 } } });
  await expect(runTraining(larger, { folder: path.join(folder, "a") })).rejects.toThrow(
    /data: expected frames of 16x16/,
  );
  const few = config({ distillation: { steps: 2, teacher: { numSteps: 2 } } });
  await expect(runTraining(few, { folder: path.join(folder, "b") })).rejects.toThrow(/more than the student's 2/);
  const lost = config({ teacher: path.join(folder, "nowhere") });
  await expect(runTraining(lost, { folder: path.join(folder, "c") })).rejects.toThrow(/no such world/);
});
