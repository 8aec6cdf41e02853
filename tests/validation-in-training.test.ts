// Rollouts inside training, whole: they leave files and numbers, they do not change the training, and an interrupted one is made up for.
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isValidated, missingMetrics, validateRollouts } from "@vid2world/world/evaluation/validate-rollouts";
import { type TrainingConfig, trainingConfigSchema } from "@vid2world/world/training/config";
import type { TrainingEvent } from "@vid2world/world/training/events";
import { type RunOptions, runTraining } from "@vid2world/world/training/run";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "validation-"))));
afterAll(() => rm(folder, { recursive: true }));

const scorer = { run: validateRollouts, isDone: isValidated };
const validation = {
  every: 2,
  clips: 2,
  steps: 2,
  batch: 1,
  metrics: ["psnr", "ssim", "mse", "gainOverRepeat", "gainOverShuffled"],
};

function config(more: object = {}): TrainingConfig {
  const autoencoder = { ch: 8, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 4 };
  const model = {
    ...{
      inChannels: 8,
      outChannels: 4,
      modelChannels: 16,
      channelMultipliers: [1],
      numResBlocks: 1,
      attentionResolutions: [],
    },
    ...{ headChannels: 8, normGroups: 2, temporalLength: 3, causal: true, actionDim: 2, fpsCondition: false },
  };
  return trainingConfigSchema.parse({
    kind: "world",
    data: { synthetic: { episodes: 1, frames: 8, size: 16 } },
    latents: { autoencoder: { untrained: autoencoder } },
    model,
    training: { batchSize: 1, maxSteps: 4, threads: 1, learningRate: 0.01, emaDecay: 0.5, logEvery: 1 },
    ...more,
  });
}

async function run(name: string, given: TrainingConfig, options: Partial<RunOptions> = {}): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  const { onEvent } = options;
  const listener = (event: TrainingEvent): void => {
    events.push(event);
    onEvent?.(event);
  };
  await runTraining(given, { folder: join(folder, name), scorer, ...options, onEvent: listener });
  return events;
}

const validations = (events: readonly TrainingEvent[]): [number, Readonly<Record<string, number>>][] =>
  events.flatMap((event) =>
    event.type === "validation" ? [[event.step, event.metrics] as [number, typeof event.metrics]] : [],
  );
const checkpoint = (name: string): Promise<Buffer> =>
  readFile(join(folder, name, "checkpoints", "step-00000004.safetensors"));
/** All bytes behind the header, which holds wall-clock minutes. */
const tensors = (file: Buffer): Buffer => file.subarray(8 + Number(file.readBigUInt64LE(0)));

test("rollouts leave videos, a contact sheet and numbers, and no trace in the weights", async () => {
  const events = await run("with", config({ validation }));
  await run("without", config());
  expect(tensors(await checkpoint("with")).equals(tensors(await checkpoint("without")))).toBe(true);

  const [[step, metrics] = [0, {}], [last] = [0]] = validations(events);
  expect([step, last]).toEqual([2, 4]);
  expect(Object.keys(metrics)).toEqual(validation.metrics);
  for (const value of Object.values(metrics)) expect(Number.isFinite(value)).toBe(true);
  const found = join(folder, "with", "validation", "step-00000002");
  const record = JSON.parse(await readFile(join(found, "metrics.json"), "utf8")) as Record<string, unknown>;
  expect(record).toMatchObject({ format: "vid2world-validation/1", step: 2, denoisingSteps: 2, metrics });
  const files = await readdir(found);
  expect(files.sort()).toEqual([...["contact-sheet.html", "metrics.json"], ...clipFiles(events)].sort());
});

/** Names of the first validation's videos. */
function clipFiles(events: readonly TrainingEvent[]): string[] {
  const samples = events.find((event) => event.type === "samples");
  return samples?.samples.map(({ file }) => file.split("/").at(-1) ?? "") ?? [];
}

test("a run that was stopped in the middle of a validation makes up for it when it goes on, with the same result", async () => {
  const whole = validations(await run("whole", config({ validation })));
  const stop = new AbortController();
  const stopping = {
    ...scorer,
    run(request: Parameters<typeof validateRollouts>[0]) {
      stop.abort();
      return validateRollouts(request);
    },
  };
  const first = await run("parts", config({ validation }), { scorer: stopping, signal: stop.signal });
  expect(validations(first)).toEqual([]);
  expect(first.at(-1)).toMatchObject({ type: "end", step: 2, finished: false });
  const second = validations(await run("parts", config({ validation }), { resume: true }));
  expect(second).toEqual(whole);
});

test("a world samples whole clips where that is asked for, shows clips that it was trained on, and says which networks are missing", async () => {
  const settings = { order: "whole-clip", trainingClips: 1, metrics: ["psnr", "fvd"] };
  const events = await run("whole-clips", config({ validation: { ...validation, ...settings } }), {
    scorer: { ...scorer, missing: missingMetrics },
  });
  const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  expect(warnings).toEqual([expect.stringMatching(/^validation is without fvd: .*vid2world weights pull i3d/)]);
  expect(validations(events).map(([, metrics]) => Object.keys(metrics))).toEqual([["psnr"], ["loss", "psnr"]]);
  expect(clipFiles(events).filter((file) => file.startsWith("training-"))).toHaveLength(1);
  const record = await readFile(join(folder, "whole-clips", "validation", "step-00000002", "metrics.json"), "utf8");
  expect(JSON.parse(record)).toMatchObject({ missing: { fvd: expect.stringContaining("i3d") as string } });
});

test("a bidirectional base model is judged on whole clips", async () => {
  const { model, ...rest } = config({ validation: { ...validation, metrics: ["psnr"] } }) as TrainingConfig & {
    model: object;
  };
  const base = trainingConfigSchema.parse({
    ...rest,
    kind: "base",
    model: { ...model, causal: false, actionDim: undefined },
  });
  expect(validations(await run("base", base)).map(([step]) => step)).toEqual([2, 4]);
});

test("what cannot be validated is refused before training begins", async () => {
  await expect(run("none", config({ validation }), { scorer: undefined })).rejects.toThrow(
    /scorer: expected a function/,
  );
  const one = config({ validation: { ...validation, clips: 1 } });
  await expect(run("one", one)).rejects.toThrow(/gainOverShuffled only of a model with actions, on two clips/);
});
