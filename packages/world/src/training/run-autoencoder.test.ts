// Going on from a finished autoencoder: with all weights, or with the decoder alone.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Tensor, loadSafetensors } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAutoencoderHeader } from "./autoencoder-file.js";
import { type TrainingConfig, trainingConfigSchema } from "./config.js";
import { runTraining } from "./run.js";

let folder: string;
let first: string;

const config = (more: object = {}): TrainingConfig =>
  trainingConfigSchema.parse({
    kind: "autoencoder",
    data: { synthetic: { episodes: 1, frames: 8, size: 16 } },
    autoencoder: { ch: 8, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 4 },
    training: { batchSize: 2, maxSteps: 2, threads: 1, learningRate: 0.01, emaDecay: 0.5 },
    ...more,
  });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "autoencoder-"));
  first = path.join(folder, "first");
  await runTraining(config(), { folder: first });
});
afterAll(() => rm(folder, { recursive: true }));

test("only the decoder changes where the latents are to stay as they are", async () => {
  const { output } = await runTraining(config({ initialise: { from: first, train: "decoder" } }), {
    folder: path.join(folder, "second"),
  });
  const [before, after] = await Promise.all([readAutoencoderHeader(first), readAutoencoderHeader(output)]);
  expect(after.scale).toBe(before.scale);
  const changed = await changedKeys(before.file, after.file);
  expect(changed.filter((key) => /^(encoder|quantConv)\./.test(key))).toEqual([]);
  expect(changed.filter((key) => key.startsWith("decoder.")).length).toBeGreaterThan(10);
});

test("everything goes on from the given weights otherwise, and another shape is refused by name", async () => {
  const { output } = await runTraining(config({ initialise: { from: first } }), { folder: path.join(folder, "third") });
  const changed = await changedKeys((await readAutoencoderHeader(first)).file, output);
  expect(changed.some((key) => key.startsWith("encoder."))).toBe(true);
  const other = config({ initialise: { from: first }, autoencoder: { ch: 16, normGroups: 4 } });
  await expect(runTraining(other, { folder: path.join(folder, "fourth") })).rejects.toThrow(
    /autoencoder: expected the options of .*first/,
  );
});

async function changedKeys(before: string, after: string): Promise<string[]> {
  const [old, now] = [await loadSafetensors(before), await loadSafetensors(after)];
  return [...old.keys()].filter(
    (key) =>
      (old.get(key) as Tensor)
        .ne(now.get(key) as Tensor)
        .any()
        .item() !== 0,
  );
}
