// The train command as a process: what a signal does to it, and how it goes on.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../../../..");
let folder = "";
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "vid2world-train-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly text: string;
}

const command = [join(root, "packages/cli/dist/src/main.js"), "train"];

/** Runs the command; `signal` is sent `delay` milliseconds after a further step is in the log. */
async function train(out: string, words: readonly string[], signal?: NodeJS.Signals, delay = 0): Promise<Ended> {
  const child = spawn(process.execPath, [...command, join(root, "configs/debug.yaml"), "--out", out, ...words], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  const before = countSteps(await metricsOf(out));
  child.stderr.setEncoding("utf8").on("data", (piece: string) => void (text += piece));
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (signal !== undefined) {
    while (child.exitCode === null && countSteps(await metricsOf(out)) <= before)
      await new Promise((resolve) => setTimeout(resolve, 100));
    await new Promise((resolve) => setTimeout(resolve, delay));
    child.kill(signal);
  }
  return { code: await ended, text };
}

const countSteps = (metrics: string): number => metrics.split('"progress"').length;

const metricsOf = (out: string): Promise<string> => readFile(join(out, "metrics.jsonl"), "utf8").catch(() => "");

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s saves a checkpoint and the model, ends with code 130, and --resume goes on from there",
  async (signal) => {
    const out = join(folder, signal);
    const { code, text } = await train(out, ["--max-steps", "100000"], signal);
    expect(text).toContain("saving; once more to end at once");
    const [, step = ""] = /stopped at step (\d+); go on with --resume/.exec(text) ?? [];
    expect(code).toBe(130);
    expect(await readdir(join(out, "checkpoints"))).toEqual([`step-${step.padStart(8, "0")}.safetensors`]);
    expect((await readdir(join(out, "world"))).sort()).toEqual([
      ...["autoencoder.safetensors", "unet.safetensors", "world.json"],
    ]);

    const resumed = await train(out, ["--resume", "--max-steps", String(Number(step) + 1)]);
    expect(resumed.text).toContain("done: ");
    expect(resumed.code).toBe(0);
    expect(await metricsOf(out)).toContain(`"step":${Number(step) + 1},`);
  },
);

/** The loss of every step in the log; a step that was taken twice must have had the same loss twice. */
async function lossesOf(out: string): Promise<Map<number, number>> {
  const losses = new Map<number, number>();
  for (const line of (await metricsOf(out)).split("\n")) {
    if (!line.endsWith("}")) continue; // cut by a kill
    const { type, step, loss } = JSON.parse(line) as { type: string; step: number; loss: number };
    if (type !== "progress") continue;
    expect(losses.get(step) ?? loss).toBe(loss);
    losses.set(step, loss);
  }
  return losses;
}

test(
  "killed at random moments while every step is saved, a run goes on to the same losses",
  { timeout: 300_000 },
  async () => {
    const words = ["--max-steps", "16", "--set", "training.checkpointSteps=1"];
    const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
    await train(whole, words);
    for (const delay of [0, 90, 250]) {
      await train(killed, [...words, "--resume"], "SIGKILL", delay);
    }
    expect((await train(killed, [...words, "--resume"])).code).toBe(0);
    const losses = await lossesOf(killed);
    expect([...losses].sort(([a], [b]) => a - b)).toEqual([...(await lossesOf(whole))]);
    const files = await readdir(join(killed, "checkpoints"));
    expect(files.sort()).toEqual(["step-00000015.safetensors", "step-00000016.safetensors"]);
  },
);

test(
  "a changed setting is refused on resume with both values, and passes once it is allowed",
  { timeout: 300_000 },
  async () => {
    const out = join(folder, "changed");
    await train(out, ["--max-steps", "1"]);
    const change = ["--resume", "--max-steps", "2", "--set", "training.learningRate=0.001"];
    const refused = await train(out, change);
    expect([refused.code, refused.text]).toEqual([
      2,
      expect.stringContaining("training.learningRate: 0.003 before, 0.001 now"),
    ]);
    expect((await train(out, [...change, "--allow-change", "training.learningRate"])).code).toBe(0);
  },
);

test(
  "a step that is left out ends in a file, and --replay names the layer and the parameters at fault from it alone",
  { timeout: 300_000 },
  async () => {
    const out = join(folder, "exploding");
    const exploding = ["training.learningRate=1e10", "training.warmupSteps=0", "training.instability.policy=stop"];
    const { code, text } = await train(out, ["--max-steps", "5", ...exploding.flatMap((one) => ["--set", one])]);
    const [, file = ""] = /kept in (\S+\.safetensors)/.exec(text) ?? [];
    expect([code, file]).toEqual([1, join(out, "instability", "step-00000001.safetensors")]);
    const { stdout, status } = spawnSync(process.execPath, [...command, "--replay", file], { encoding: "utf8" });
    expect(status).toBe(0);
    expect(stdout).toContain("step 1: the weights before it are finite");
    expect(stdout).toMatch(/micro batch 1: loss NaN/);
    expect(stdout).toMatch(/first layer whose result is not finite: \S+ \(\w+\), its input goes up to \d/);
    expect(stdout).toMatch(/gradient not finite: timeEmbedding\.first\.weight, .* \(\d+ parameters\)/);
  },
);
