// What `vid2world weights` prints, and its exit codes. How files are got is tested beside that code.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WEIGHTS } from "@vid2world/world/weights/manifest";
import { findWeights } from "@vid2world/world/weights/root";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { weightsCommand } from "./weights.js";

let folder: string;
let printed: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weights-command-"));
  vi.stubEnv("VID2WORLD_WEIGHTS", join(folder, "weights"));
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  vi.stubEnv("HF_HUB_CACHE", join(folder, "no-cache"));
  printed = [];
  for (const stream of ["log", "error"] as const) {
    vi.spyOn(console, stream).mockImplementation((text: string) => void printed.push(text));
  }
  process.exitCode = undefined;
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
  await rm(folder, { recursive: true });
});

const run = (...args: string[]): Promise<unknown> => weightsCommand().parseAsync(args, { from: "user" });

test("list shows every file of the manifest, as lines and as JSON", async () => {
  await run("list");
  for (const { name } of WEIGHTS) expect(printed[0]).toMatch(new RegExp(`^missing +${name} `, "m"));
  await run("list", "--json");
  const { files } = JSON.parse(printed[1] ?? "") as { files: { state: string }[] };
  expect(files.map(({ state }) => state)).toEqual(WEIGHTS.map(() => "missing"));
});

test("pull --from takes a model over without the network; verify reads it, and finds out when it changed", async () => {
  const from = join(folder, "mine");
  await mkdir(join(from, "Vid2World-RT1"), { recursive: true });
  await writeFile(join(from, "Vid2World-RT1", "model_checkpoint_100000.ckpt"), "weights");
  await run("pull", "vid2world-rt1", "--from", from);
  expect(printed.at(-1)).toMatch(
    /^vid2world-rt1: linked: .*Vid2World-RT1\/model\.ckpt \(0\.0 kB, nothing states a checksum; its SHA-256 is [0-9a-f]{64}\)/,
  );
  await run("verify");
  expect([process.exitCode, printed.at(-1)]).toEqual([
    undefined,
    expect.stringMatching(/good.*vid2world-rt1.*when it was pulled/),
  ]);
  await writeFile(join(folder, "weights", "vid2world", "Vid2World-RT1", "model.ckpt"), "WEIGHTS");
  await run("verify");
  expect([process.exitCode, printed.at(-1)]).toEqual([1, expect.stringMatching(/wrong.*expected/)]);
});

test("a named file that is missing fails verify; without a network pull says what can be done", async () => {
  await run("verify", "i3d");
  expect([process.exitCode, printed.at(-1)]).toEqual([1, expect.stringContaining("vid2world weights pull i3d")]);
  await expect(run("pull", "i3d")).rejects.toThrow("HF_HUB_OFFLINE forbids the network");
  await expect(run("pull", "nope")).rejects.toThrow("weights nope: unknown");
});

test("a group goes on after a file that cannot be had, and fails in the end", async () => {
  await run("pull", "metrics");
  expect(process.exitCode).toBe(1);
  expect(printed.filter((line) => line.startsWith("error: weights "))).toHaveLength(findWeights(["metrics"]).length);
});
