// A small decoder taught by an autoencoder: it learns, the teacher stays as it is, and what does not fit is refused.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadTinyDecoder } from "../checkpoints/tiny-decoder-file.js";
import { AUTOENCODER_FILE } from "./autoencoder-file.js";
import { type TrainingConfig, trainingConfigSchema } from "./config.js";
import { runTraining } from "./run.js";

let folder: string;
let teacher: string;
const data = { synthetic: { episodes: 1, frames: 8, size: 16 } };

const config = (more: object = {}): TrainingConfig =>
  trainingConfigSchema.parse({
    kind: "tiny-decoder",
    ...{ data, teacher },
    decoder: { channels: [8, 8], blocks: [1, 1] },
    training: { batchSize: 4, maxSteps: 30, threads: 1, learningRate: 0.01, validateEvery: 3 },
    ...more,
  });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "tiny-decoder-run-"));
  teacher = path.join(folder, "teacher");
  const autoencoder = { ch: 8, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 4 };
  const training = { batchSize: 4, maxSteps: 30, threads: 1, learningRate: 0.01 };
  await runTraining(trainingConfigSchema.parse({ kind: "autoencoder", data, autoencoder, training }), {
    folder: teacher,
  });
});
afterAll(() => rm(folder, { recursive: true }));

test("it comes closer to the frames and to its teacher, which stays as it is", async () => {
  const weights = path.join(teacher, AUTOENCODER_FILE);
  const before = await readFile(weights);
  const run = path.join(folder, "run");
  const { output, finished } = await runTraining(config(), { folder: run });
  expect(finished).toBe(true);
  expect((await loadTinyDecoder(output)).options.channels).toEqual([8, 8]);
  expect((await readFile(weights)).equals(before)).toBe(true);
  const lines = (await readFile(path.join(run, "metrics.jsonl"), "utf8")).trim().split("\n");
  const validations = lines
    .map((line) => JSON.parse(line) as { type: string; psnr: number; psnrToTeacher: number })
    .filter(({ type }) => type === "validation");
  const [first, last] = [validations[0], validations.at(-1)];
  expect(last?.psnr).toBeGreaterThan((first?.psnr ?? NaN) + 2);
  expect(last?.psnrToTeacher).toBeGreaterThan((first?.psnrToTeacher ?? NaN) + 2);

  const on = config({
    initialise: { from: output },
    training: { batchSize: 4, maxSteps: 1, threads: 1, learningRate: 1e-4 },
  });
  expect((await runTraining(on, { folder: path.join(folder, "on") })).step).toBe(1);
});

test("other levels than the teacher's, another shape than that of the given weights, and a missing teacher are refused", async () => {
  const three = config({ decoder: { channels: [8, 8, 8], blocks: [1, 1, 1] } });
  await expect(runTraining(three, { folder: path.join(folder, "a") })).rejects.toThrow(
    /decoder.channels: expected 2 levels/,
  );
  const other = config({
    initialise: { from: path.join(folder, "run/tiny-decoder.safetensors") },
    decoder: { channels: [8, 4], blocks: [1, 1] },
  });
  await expect(runTraining(other, { folder: path.join(folder, "b") })).rejects.toThrow(
    /decoder: expected the options of/,
  );
  const lost = config({ teacher: path.join(folder, "nowhere") });
  await expect(runTraining(lost, { folder: path.join(folder, "c") })).rejects.toThrow(/missing; train one/);
});
