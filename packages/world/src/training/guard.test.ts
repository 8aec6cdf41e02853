// Steps that go wrong, in whole runs of a model of one layer.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  libtorchVersion,
  Linear,
  loadSafetensors,
  manualSeed,
  Module,
  ones,
  randn,
  saveSafetensors,
  tensor,
} from "@vid2world/torch";
import { readSafetensorsHeader } from "@vid2world/formats";
import type { TrainingEvent } from "./events.js";
import { createGuard, UnstableTrainingError } from "./guard.js";
import type { Objective } from "./objective.js";
import { singleRank } from "./ranks.js";
import { checkPrecision } from "./precision.js";
import { replayStep } from "./replay.js";
import { trainingSchema } from "./settings.js";
import type { TrainingSettings } from "./settings.js";
import { train } from "./trainer.js";

class Net extends Module {
  readonly first = new Linear(3, 2);
  readonly second = new Linear(2, 1);
}

/** A loss that is NaN, by way of the second layer alone, in the steps that are named. */
function objectiveThatFailsAt(net: Net, bad: (step: number) => boolean): Objective {
  let step = 0;
  return {
    module: net,
    samples: (draw) => [`clip ${draw.below(10)}`],
    losses() {
      const hidden = net.first.forward(ones([1, 3]).add(randn([1, 3])));
      const factor = tensor(bad(step++) ? NaN : 1);
      return { total: net.second.forward(hidden.detach()).mul(factor).sum().add(hidden.square().sum()) };
    },
  };
}

const settings = (more: object = {}): TrainingSettings =>
  trainingSchema.parse({ batchSize: 1, learningRate: 0.01, maxSteps: 8, logEvery: 4, seed: 3, ...more });

let folder = "";
beforeEach(async () => void (folder = await mkdtemp(path.join(tmpdir(), "guard-"))));
afterEach(() => rm(folder, { recursive: true }));

async function run(bad: (step: number) => boolean, more: object = {}): Promise<{ events: TrainingEvent[]; net: Net }> {
  manualSeed(1);
  const net = new Net();
  const events: TrainingEvent[] = [];
  const onEvent = (event: TrainingEvent): void => void events.push(event);
  await train(objectiveThatFailsAt(net, bad), settings(more), { folder, onEvent }).catch((error: unknown) => {
    if (!(error instanceof UnstableTrainingError)) throw error;
    events.push({ type: "failed", message: error.message });
  });
  return { events, net };
}

test("a step whose loss is NaN is left out, named with its parameter and samples, and kept for a replay", async () => {
  const { events, net } = await run((step) => step === 2);
  const file = path.join(folder, "instability", "step-00000002.safetensors");
  expect(events.filter(({ type }) => type === "unstable")).toEqual([
    {
      ...{ type: "unstable", step: 2, streams: [2], samples: [expect.stringMatching(/^clip \d$/)], inRow: 1, file },
      ...{ loss: NaN, gradientNorm: NaN, parameter: "second.weight" },
    },
  ]);
  const { tensors, metadata } = await readSafetensorsHeader(file);
  expect([...tensors.keys()]).toEqual(["first.bias", "first.weight", "second.bias", "second.weight"]);
  expect(JSON.parse(metadata["replay"] ?? "")).toEqual({
    step: 2,
    seed: 3,
    streams: [2],
    lossScale: 1,
    updatesLater: 0,
  });
  expect(net.first.weight.isfinite().all().item()).toBe(1);
  const reports = events.filter((event) => event.type === "progress");
  expect(reports.map(({ metrics }) => [Number.isFinite(metrics["loss"]), metrics["leftOut"]])).toEqual([
    [true, 1],
    [true, undefined],
  ]);
});

test("a kept step is replayed: the same loss, and every parameter that is at fault", async () => {
  await run((step) => step === 2);
  const file = path.join(folder, "instability", "step-00000002.safetensors");
  const at = (bad: boolean) => objectiveThatFailsAt(new Net(), () => bad);
  const replayed = await replayStep(at(true), settings(), file);
  expect(replayed).toMatchObject({ step: 2, lossScale: 1, weights: [] });
  expect(replayed.batches).toMatchObject([
    { stream: 2, losses: { loss: NaN }, parameters: ["second.weight", "second.bias"], gradientNorm: NaN },
  ]);
  expect(replayed.batches[0]?.layer).toBeUndefined(); // the factor came after the last layer
  const [sound] = (await replayStep(at(false), settings(), file)).batches;
  expect(sound).toMatchObject({ parameters: [], samples: [expect.stringMatching(/^clip/)] });
  expect(sound?.gradientNorm).toBeGreaterThan(0);
});

test("a replay names the first layer whose result is not finite, with what went in, and weights that are not", async () => {
  await run((step) => step === 2);
  const file = path.join(folder, "instability", "step-00000002.safetensors");
  const weights = await loadSafetensors(file);
  const { metadata } = await readSafetensorsHeader(file);
  for (const [name, value] of [
    ["first.weight", 1e30],
    ["second.weight", 1e30],
  ] as const)
    weights.get(name)?.fill_(value);
  await saveSafetensors(file, weights, { metadata });
  const net = new Net();
  const overflowing = await replayStep(
    objectiveThatFailsAt(net, () => false),
    settings(),
    file,
  );
  expect(overflowing.weights).toEqual([]);
  expect(overflowing.batches[0]?.layer).toMatchObject({ name: "second", kind: "Linear" });
  expect(overflowing.batches[0]?.layer?.largestInput).toBeGreaterThan(1e29);
  expect(Object.keys(net.first)).not.toContain("forward");

  weights.get("first.bias")?.fill_(NaN);
  await saveSafetensors(file, weights, { metadata });
  const broken = await replayStep(
    objectiveThatFailsAt(new Net(), () => false),
    settings(),
    file,
  );
  expect(broken).toMatchObject({ weights: ["first.bias"], batches: [{ layer: { name: "first" } }] });
});

test("a replay that cannot be kept is said, and the run goes on", async () => {
  await writeFile(path.join(folder, "instability"), "no folder");
  const { events } = await run((step) => step === 2);
  expect(events.find(({ type }) => type === "unstable")).not.toHaveProperty("file");
  expect(events.find(({ type }) => type === "warning")).toMatchObject({ step: 2, message: expect.stringMatching(/not kept: E/) as string }); // prettier-ignore
  expect(events.at(-1)).toMatchObject({ type: "end", step: 8 });
});

test("verdicts that are read later say how many updates the kept weights are ahead, and the loss's factor of their own step", async () => {
  const verdict = { loss: 1, gradientNorm: NaN, lossScale: 4 };
  const guard = createGuard({
    ...{ module: new Net(), seed: 1, microBatches: 1, ranks: singleRank, folder, samplesOf: () => [], onEvent() {} },
    settings: settings(),
  });
  const steps = [true, false, true, false, false].map((leftOut, step) => ({ ...verdict, step, leftOut }));
  expect(await guard(steps)).toBe(2);
  const { metadata } = await readSafetensorsHeader(path.join(folder, "step-00000000.safetensors"));
  expect(JSON.parse(metadata["replay"] ?? "")).toMatchObject({ lossScale: 4, updatesLater: 3 });
});

test("the policy stop ends the run with good weights in a checkpoint", async () => {
  const { events } = await run((step) => step === 5, { instability: { policy: "stop" } });
  expect(events.at(-1)).toMatchObject({ type: "failed", message: expect.stringContaining("instability") as string });
  expect(await readdir(path.join(folder, "checkpoints"))).toEqual(["step-00000006.safetensors"]);
});

test("too many bad steps in a row end the run under either policy", async () => {
  const { events } = await run((step) => step >= 3, { instability: { maxConsecutive: 3 } });
  const failed = events.at(-1);
  expect(failed).toMatchObject({
    type: "failed",
    message: expect.stringContaining("3 steps in a row were left out") as string,
  });
});

test("a gradient above the limit counts as bad, though it is finite", async () => {
  const { events } = await run(() => false, { instability: { maxGradientNorm: 1e-6, maxConsecutive: 2 } });
  expect(events.find(({ type }) => type === "unstable")).not.toHaveProperty("parameter");
  expect(events.at(-1)?.type).toBe("failed");
});

const half = libtorchVersion.startsWith("1.") ? "a message" : "training";
test("float16 on the CPU needs a libtorch that has it", () => {
  const check = (): void => checkPrecision({ device: "cpu", precision: "float16" });
  if (half === "training") return expect(check).not.toThrow();
  expect(check).toThrow(`libtorch ${libtorchVersion} cannot train in float16 on cpu; use bfloat16 or float32`);
});

test.skipIf(half !== "training")(
  "float16 finds its loss scale and reports it, without calling overflows failures",
  async () => {
    const { events } = await run(() => false, { precision: "float16", maxSteps: 4 });
    const report = events.find((event) => event.type === "progress");
    expect(report?.metrics["lossScale"]).toBeGreaterThan(1);
    expect(events.some(({ type }) => type === "unstable")).toBe(false);
  },
);
