// Checkpoints in whole runs of a model of one layer: exact resuming, damage, retention, a full disk.
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Dropout, libtorchVersion, Linear, manualSeed, Module, randn } from "@vid2world/torch";
import { findGoodCheckpoint } from "./checkpoint-keeper.js";
import { listCheckpoints, readCheckpointFacts } from "./checkpoints.js";
import type { TrainingEvent } from "./events.js";
import type { Objective } from "./objective.js";
import { trainingSchema } from "./settings.js";
import type { TrainingSettings } from "./settings.js";
import { train } from "./trainer.js";
import type { TrainingResult } from "./trainer.js";
import { CheckpointWriteError } from "./write-checkpoint.js";

class Net extends Module {
  readonly linear = new Linear(4, 3);
  readonly dropout = new Dropout(0.3);
}

function newObjective(seed = 1): Objective & { readonly module: Net } {
  manualSeed(seed);
  const module = new Net();
  let validations = 0;
  return {
    module,
    losses(draw) {
      const x = randn([8, 4]).add(draw.below(5));
      return { total: module.dropout.forward(module.linear.forward(x)).float().square().mean() };
    },
    // Best at the third validation.
    validate: () => ({ score: -Math.abs(++validations - 3) }),
  };
}

const settings = (more: object = {}): TrainingSettings =>
  trainingSchema.parse({
    ...{ batchSize: 8, learningRate: 0.01, maxSteps: 9, emaDecay: 0.9, warmupSteps: 3, decay: "cosine", logEvery: 1 },
    ...more,
  });

let folder = "";
let checkpoints = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "keeper-"));
  checkpoints = path.join(folder, "checkpoints");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ran extends TrainingResult {
  readonly events: TrainingEvent[];
  readonly losses: number[];
  readonly weights: string;
}

/** Trains in `folder`; `stopAt` interrupts after that step, as a signal would. */
async function run(more: object, { resume = false, stopAt = Infinity, seed = 1 } = {}): Promise<Ran> {
  const objective = newObjective(seed);
  const stop = new AbortController();
  const events: TrainingEvent[] = [];
  const result = await train(objective, settings(more), {
    ...{ folder, resume, signal: stop.signal, config: `{"a":1}` },
    onEvent: (event) => {
      events.push(event);
      if (event.type === "progress" && event.step === stopAt) stop.abort();
    },
  });
  const losses = events.flatMap((event) => (event.type === "progress" ? [event.metrics["loss"] as number] : []));
  return { ...result, events, losses, weights: Buffer.from(objective.module.linear.weight.toBytes()).toString("hex") };
}

const stepsIn = async (where: string): Promise<string[]> =>
  (await readdir(where)).map((name) => name.replace(/^step-0*|\.safetensors$/g, "")).sort();

const precisions = ["float32", "bfloat16", ...(libtorchVersion.startsWith("1.") ? [] : ["float16"])];
test.each(precisions)(
  "in %s a run interrupted at any steps gives the losses and weights of one that was not",
  async (precision) => {
    const whole = await run({ precision });
    for (const points of [[1], [4], [8], [2, 3, 7]]) {
      await rm(folder, { recursive: true });
      const losses: number[] = [];
      for (const [i, stopAt] of [...points, Infinity].entries()) {
        // Other first weights each time: everything must come from the checkpoint.
        const part = await run({ precision }, { resume: i > 0, stopAt, seed: i + 1 });
        losses.push(...part.losses);
        if (stopAt === Infinity) expect(part.weights).toBe(whole.weights);
      }
      expect(losses).toEqual(whole.losses);
    }
  },
);

test("a damaged newest checkpoint is set aside by name, and the one before it is gone on with", async () => {
  const whole = await run({});
  await rm(folder, { recursive: true });
  await run({ checkpointSteps: 2 }, { stopAt: 6 });
  const newest = path.join(checkpoints, "step-00000006.safetensors");
  const file = await open(newest, "r+");
  await file.write(Buffer.from("x"), 0, 1, (await file.stat()).size - 9);
  await file.close();
  await writeFile(path.join(checkpoints, ".step-00000008.safetensors.1.ab.tmp"), "half");

  const { events, weights, losses } = await run({ keepCheckpoints: 9 }, { resume: true, seed: 5 });
  expect(events[0]).toMatchObject({ type: "warning", message: expect.stringContaining("is damaged") as string });
  expect(events[1]).toMatchObject({ type: "resumed", step: 4 });
  expect([weights, losses]).toEqual([whole.weights, whole.losses.slice(4)]);
  expect(await stepsIn(checkpoints)).toEqual(["4", "6.safetensors.damaged", "9"]);
});

test("checkpoints that are all damaged are no reason to begin anew, and one that cannot be read is not damaged", async () => {
  await run({}, { stopAt: 2 });
  const [only = ""] = await listCheckpoints(checkpoints);
  await writeFile(only, "x");
  for (let i = 0; i < 2; i++)
    await expect(run({}, { resume: true })).rejects.toThrow(/every checkpoint is damaged \(step-/);
  await rm(`${only}.damaged`);
  await mkdir(only); // reading it fails, whoever we are
  await expect(run({}, { resume: true })).rejects.toThrow(/EISDIR/);
  expect(await readdir(checkpoints)).toEqual([path.basename(only)]);
});

test("the last, every n-th and the best checkpoint stay, and the best is named", async () => {
  const kept = { keepCheckpoints: 1, checkpointSteps: 1, keepEverySteps: 4, validateEvery: 2 };
  await run({ ...kept, keepBest: { metric: "score", mode: "max" } });
  expect(await stepsIn(checkpoints)).toEqual(["4", "6", "8", "9", "best.json"]);
  expect(JSON.parse(await readFile(path.join(checkpoints, "best.json"), "utf8"))).toEqual({
    ...{ step: 6, metric: "score", value: 0 },
  });
});

test("a metric that validation does not have is said once it is missed", async () => {
  const { events } = await run({ keepBest: { metric: "psnr" }, validateEvery: 5 });
  expect(events.find(({ type }) => type === "warning")).toMatchObject({
    message: "training.keepBest: the validation has no metric psnr, only score",
  });
});

test("checkpoints say where they stand and with which configuration", async () => {
  await run({ saveBeside: false }, { stopAt: 3 });
  const [file = ""] = await listCheckpoints(checkpoints);
  expect(await readCheckpointFacts(file)).toMatchObject({ position: { step: 3, seed: 42 }, config: `{"a":1}` });
  expect(await findGoodCheckpoint(checkpoints, () => {})).toBe(file);
});

/** A disk of 64 KiB, where the machine lets us mount one. */
function mountSmallDisk(where: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", where], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test.for([true, false])(
  "a full disk leaves the old checkpoint and says what to free; beside the steps: %s",
  async (beside, { skip }) => {
    await mkdir(checkpoints, { recursive: true });
    if (!mountSmallDisk(checkpoints)) skip("needs the rights to mount a small disk");
    try {
      await run({ saveBeside: beside }, { stopAt: 2 });
      await writeFile(path.join(checkpoints, "ballast"), new Uint8Array(64 * 1024)).catch(() => {});
      const going = run({ saveBeside: beside, checkpointSteps: 1 }, { resume: true, stopAt: 5 });
      await expect(going).rejects.toThrow(CheckpointWriteError);
      await expect(going).rejects.toThrow(
        /no space: it takes 1 MiB, .* free space there .*step-00000002.safetensors is the newest good one/,
      );
      expect(await stepsIn(checkpoints)).toEqual(["2", "ballast"]);

      const stopped = run({ saveBeside: beside, checkpointSteps: 1, onSaveFailure: "stop" }, { resume: true });
      await expect(stopped).rejects.toThrow(CheckpointWriteError);
      await rm(path.join(checkpoints, "ballast"));
      expect(await run({ saveBeside: beside }, { resume: true })).toMatchObject({ finished: true, step: 9 });
    } finally {
      execFileSync("umount", [checkpoints]);
    }
  },
);
