// Which checkpoints stay.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { checkpointFile } from "./checkpoints.js";
import { expired, isBetter, readBest, writeBest } from "./retention.js";

test("the newest stay, every n-th stays for good, the best stays", () => {
  const steps = [5, 10, 15, 20, 25, 30];
  expect(expired(steps, { keepCheckpoints: 2 }, undefined)).toEqual([5, 10, 15, 20]);
  expect(expired(steps, { keepCheckpoints: 1, keepEverySteps: 10 }, 15)).toEqual([5, 25]);
  expect(expired([5], { keepCheckpoints: 3 }, undefined)).toEqual([]);
});

test("better is what the mode says, and never a value that is not finite", () => {
  const best = { step: 1, metric: "loss", value: 2 };
  expect([isBetter(1, best, "min"), isBetter(1, best, "max"), isBetter(NaN, undefined, "min")]).toEqual([
    ...[true, false, false],
  ]);
});

test("best.json is read back for its own metric, and a checkpoint that is there", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "best-"));
  expect(await readBest(folder, "psnr")).toBeUndefined();
  await writeBest(folder, { step: 7, metric: "psnr", value: 30 });
  expect(await readBest(folder, "psnr")).toBeUndefined(); // its checkpoint is gone
  await writeFile(checkpointFile(folder, 7), "");
  expect(await readBest(folder, "psnr")).toEqual({ step: 7, metric: "psnr", value: 30 });
  expect(await readBest(folder, "loss")).toBeUndefined();
  await rm(folder, { recursive: true });
});
