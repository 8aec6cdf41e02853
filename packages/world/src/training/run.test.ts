// What a whole run keeps of its configuration.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { type TrainingConfig, trainingConfigSchema } from "./config.js";
import { ChangedConfigError } from "./config-changes.js";
import { singleRank } from "./ranks.js";
import { runTraining } from "./run.js";

const config = (training: object): TrainingConfig =>
  trainingConfigSchema.parse({
    kind: "autoencoder",
    data: { synthetic: { episodes: 1, frames: 8, size: 16 } },
    autoencoder: { ch: 8, channelMultipliers: [1], numResBlocks: 1, normGroups: 4 },
    training: { batchSize: 2, threads: 1, learningRate: 0.01, ...training },
  });

test("a rank computes on its own device and goes on with the configuration's, which is what a run keeps", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "run-"));
  const options = { folder, ranks: { ...singleRank, device: "cpu" } };
  const cuda = { device: "cuda" }; // nothing is made there: this test needs no GPU
  try {
    await runTraining(config({ ...cuda, maxSteps: 1 }), options);
    const { step } = await runTraining(config({ ...cuda, maxSteps: 2 }), { ...options, resume: true });
    expect(step).toBe(2);
    const changed = runTraining(config({ maxSteps: 3 }), { ...options, resume: true });
    await expect(changed).rejects.toThrow(ChangedConfigError);
  } finally {
    await rm(folder, { recursive: true });
  }
});
