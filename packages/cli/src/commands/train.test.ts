// The train command as a process: what a signal does to it, and how it goes on.
import { spawn } from "node:child_process";
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

/** Runs the command; `signal` is sent as soon as the first step is in the log. */
async function train(out: string, words: readonly string[], signal?: NodeJS.Signals): Promise<Ended> {
  const main = join(root, "packages/cli/dist/src/main.js");
  const child = spawn(process.execPath, [main, "train", join(root, "configs/debug.yaml"), "--out", out, ...words], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => void (text += piece));
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (signal !== undefined) {
    while (child.exitCode === null && !(await metricsOf(out)).includes('"step"'))
      await new Promise((resolve) => setTimeout(resolve, 100));
    child.kill(signal);
  }
  return { code: await ended, text };
}

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
