// Going on from a finished autoencoder: with all weights, or with the decoder alone.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { readImage } from "@vid2world/formats";
import { type Tensor, loadSafetensors } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAutoencoderHeader } from "./autoencoder-file.js";
import { type TrainingConfig, trainingConfigSchema } from "./config.js";
import type { TrainingEvent } from "./events.js";
import { writeRunReport } from "./report/run-report.js";
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

test("validation leaves a picture of held-out frames above what becomes of them, on the page too", async () => {
  const out = path.join(folder, "pictures");
  const training = { batchSize: 2, maxSteps: 3, threads: 1, learningRate: 0.01, emaDecay: 0.5, validateEvery: 2 };
  const data = { synthetic: { episodes: 1, frames: 8, size: 16 }, paddedHeight: 24, paddedWidth: 16 };
  const events: TrainingEvent[] = [];
  await runTraining(config({ training, data }), { folder: out, onEvent: (event) => void events.push(event) });
  const files = ["step-00000002", "step-00000003"].map((step) => `validation/${step}/reconstructions.png`);
  expect(events.flatMap((event) => (event.type === "samples" ? event.samples.map(({ file }) => file) : []))).toEqual(
    files,
  );
  const { data_HWC, height, width } = await readImage(path.join(out, files[1] ?? ""));
  expect([height, width]).toEqual([2 * 16, 8 * 16]); // without the padding
  expect(new Set(data_HWC.subarray(0, data_HWC.length / 2)).size).toBeGreaterThan(3);
  const html = path.join(out, "report.html");
  await writeRunReport(out, { html });
  expect(await readFile(html, "utf8")).toMatch(/<img src="data:image\/png;base64,[^"]+" alt="reconstructions">/);
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
