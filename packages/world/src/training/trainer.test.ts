// The loop on a model of one layer: exact resuming, budgets, interruption, accumulation, and no leaks.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Dropout, Linear, liveTensors, manualSeed, Module, randn } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { listCheckpoints, loadCheckpoint } from "./checkpoints.js";
import type { TrainingEvent } from "./events.js";
import { metricsLog } from "./sinks/metrics-log.js";
import type { Objective } from "./objective.js";
import { singleRank } from "./ranks.js";
import { trainingSchema } from "./settings.js";
import type { TrainingSettings } from "./settings.js";
import { createTrainStep } from "./train-step.js";
import { train } from "./trainer.js";
import { AdamW } from "@vid2world/torch";

class Net extends Module {
  readonly linear = new Linear(4, 3);
  readonly dropout = new Dropout(0.3);
  forward(x_BD: Tensor): Tensor {
    return this.dropout.forward(this.linear.forward(x_BD));
  }
}

/** Noise and dropout come from libtorch's generator, the batch's offset from the draw: both must survive a resume. */
function objectiveOf(net: Net): Objective {
  return {
    module: net,
    losses(draw) {
      const total = net
        .forward(randn([8, 4]).add(draw.below(5)))
        .square()
        .mean();
      return { total, parts: { twice: total.detach().mul(2) } };
    },
    validate: () => ({ weight: net.linear.weight.sum().item() }),
  };
}

function newNet(): Net {
  manualSeed(1);
  return new Net();
}

const settings = (more: object = {}): TrainingSettings =>
  trainingSchema.parse({
    batchSize: 8,
    learningRate: 0.01,
    maxSteps: 10,
    emaDecay: 0.9,
    warmupSteps: 3,
    decay: "cosine",
    logEvery: 1,
    ...more,
  });

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(path.join(tmpdir(), "train-"))));
afterEach(() => rm(folder, { recursive: true }));

const bytesOf = (net: Module): string =>
  [...net.stateDict()]
    .map(([name, value]) => `${name} ${Buffer.from((value.toTypedArray() as Float32Array).buffer).toString("hex")}`)
    .join("\n");

test("ten steps are five steps, a saved and a loaded checkpoint, and five steps, bit for bit", async () => {
  const whole = newNet();
  const wholeLosses: number[] = [];
  await train(objectiveOf(whole), settings(), {
    folder: path.join(folder, "whole"),
    onEvent: collectLosses(wholeLosses),
  });

  const halves = path.join(folder, "halves");
  const losses: number[] = [];
  const stop = new AbortController();
  const first = await train(objectiveOf(newNet()), settings(), {
    folder: halves,
    signal: stop.signal,
    onEvent: (event) => {
      collectLosses(losses)(event);
      if (event.type === "progress" && event.step === 5) stop.abort();
    },
  });
  expect(first).toEqual({ step: 5, finished: false });
  const second = new Net(); // other first weights: everything must come from the checkpoint
  const result = await train(objectiveOf(second), settings({ seed: 99 }), {
    folder: halves,
    resume: true,
    onEvent: collectLosses(losses),
  });

  expect(result).toEqual({ step: 10, finished: true });
  expect(losses).toEqual(wholeLosses);
  expect(bytesOf(second)).toBe(bytesOf(whole));
});

test("checkpoints hold model, optimiser and average under their own names, and old ones are deleted", async () => {
  const net = newNet();
  await train(objectiveOf(net), settings({ checkpointMinutes: 1e-9, keepCheckpoints: 3 }), { folder });
  const files = (await listCheckpoints(path.join(folder, "checkpoints"))).map((file) => path.basename(file));
  expect(files).toEqual(["step-00000008.safetensors", "step-00000009.safetensors", "step-00000010.safetensors"]);
  expect((await readdir(path.join(folder, "checkpoints"))).length).toBe(3);
  const file = path.join(folder, "checkpoints", "step-00000010.safetensors");
  await expect(loadCheckpoint(file, { model: net })).rejects.toThrow("which this run has no part for");
});

test("the module ends with the averaged weights", async () => {
  const averaged = newNet();
  const plain = newNet();
  await train(objectiveOf(averaged), settings(), { folder: path.join(folder, "a") });
  await train(objectiveOf(plain), settings({ emaDecay: 0 }), { folder: path.join(folder, "b") });
  expect(bytesOf(averaged)).not.toBe(bytesOf(plain));
  expect(averaged.training).toBe(false);
});

test("more ranks than a step has micro batches cannot go on", async () => {
  const some = settings({ accumulate: 3, maxSteps: 1 });
  await train(objectiveOf(newNet()), some, { folder });
  const ranks = {
    ...singleRank,
    count: 4,
    sum: (values: readonly number[]) => Promise.resolve(values.map((x) => 4 * x)),
  };
  const going = train(objectiveOf(newNet()), some, { folder, resume: true, ranks });
  await expect(going).rejects.toThrow("ranks: expected at most 3");
});

test("a profile that the run was too short for is said to be missing", async () => {
  const events: TrainingEvent[] = [];
  const profile = { steps: 2, onProfile: () => expect.unreachable() };
  await train(objectiveOf(newNet()), settings({ maxSteps: 3 }), {
    folder,
    profile,
    onEvent: (event) => events.push(event),
  });
  expect(events.find(({ type }) => type === "warning")).toMatchObject({
    message: expect.stringContaining("no profile") as string,
  });
});

test("the run reports progress, validation and its end, and keeps them as JSON lines", async () => {
  const file = path.join(folder, "metrics.jsonl");
  await train(objectiveOf(newNet()), settings({ maxSteps: 4, logEvery: 2, validateEvery: 2 }), {
    folder,
    onEvent: metricsLog(file, () => 5000).receive,
  });
  const lines = (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map(({ type, step }) => `${String(type)} ${String(step)}`)).toEqual([
    "progress 2",
    "validation 2",
    "progress 4",
    "checkpoint 4",
    "validation 4",
    "end 4",
  ]);
  expect(lines[0]).toMatchObject({ time: 5, progress: 0.5 });
  expect(lines[0]?.["twice"]).toBeCloseTo(2 * Number(lines[0]?.["loss"]), 5);
});

test("a budget of minutes ends the run", async () => {
  const result = await train(objectiveOf(newNet()), settings({ maxSteps: undefined, maxMinutes: 0.001 }), { folder });
  expect(result.finished).toBe(true);
  expect(result.step).toBeGreaterThan(1);
});

test("accumulated micro batches give the gradient of their mean", async () => {
  const one = newNet();
  const two = newNet();
  const fixed = (net: Net): Objective => ({ module: net, losses: () => ({ total: net.linear.weight.square().sum() }) });
  for (const [net, accumulate] of [
    [one, 1],
    [two, 2],
  ] as const) {
    const optimizer = new AdamW(net.namedParameters(), { learningRate: 0.1 });
    const step = createTrainStep({ objective: fixed(net), optimizer, settings: settings({ accumulate }) });
    await step.run(0, 0.1);
    expect((await step.read())["loss"]).toBeGreaterThan(0);
  }
  expect(bytesOf(two)).toBe(bytesOf(one));
});

test("each micro batch is given what was read for it", async () => {
  const net = newNet();
  const used: unknown[] = [];
  const objective: Objective<string> = {
    module: net,
    next: (seed, stream) => Promise.resolve(`${seed}/${stream}`),
    losses(_, samples) {
      used.push(samples);
      return { total: net.linear.weight.square().sum() };
    },
  };
  await train(objective, settings({ seed: 5, maxSteps: 2, accumulate: 2 }), { folder });
  expect(used).toEqual(["5/0", "5/1", "5/2", "5/3"]);
});

test("a training step leaves no tensors behind", async () => {
  const net = newNet();
  const optimizer = new AdamW(net.namedParameters(), { learningRate: 0.1 });
  const step = createTrainStep({ objective: objectiveOf(net), optimizer, settings: settings() });
  await step.run(0, 0.1);
  step.verdicts();
  await step.read();
  const before = liveTensors();
  for (let i = 1; i < 20; i++) {
    await step.run(i, 0.1);
    expect(step.verdicts()).toMatchObject([{ step: i, leftOut: false }]);
  }
  await step.read();
  expect(liveTensors()).toBe(before);
});

function collectLosses(losses: number[]): (event: TrainingEvent) => void {
  return (event) => {
    if (event.type === "progress") losses.push(event.metrics["loss"] as number);
  };
}
