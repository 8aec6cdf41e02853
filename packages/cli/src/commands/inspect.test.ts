// `vid2world inspect` and `export` from the outside: what they print, and how they end.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { repositoryRoot } from "../bench/repository.js";

const main = join(repositoryRoot(), "packages/cli/dist/src/main.js");
const shared = process.env["VID2WORLD_SHARED"] ?? resolve(repositoryRoot(), "../shared");
const fixture = (name: string): string => join(shared, "fixtures/ckpt", name);
const run = (...words: string[]) =>
  spawnSync(process.execPath, [main, ...words], { encoding: "utf8", cwd: repositoryRoot() });

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-inspect-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(!existsSync(fixture("ckpt.json")))("recorded files (skipped without the shared fixtures)", () => {
  test("a Lightning checkpoint is told with step, epoch and what is foreign", () => {
    const { stdout, status } = run("inspect", fixture("pl_zip.ckpt"));
    expect(status).toBe(0);
    expect(stdout).toMatch(/PyTorch zip archive, Lightning checkpoint/);
    expect(stdout).toMatch(/step 12,345, epoch 3, Lightning 1\.9\.3, with optimiser state/);
    expect(stdout).toMatch(/objects of Python classes, left closed/);
  });

  test.each(["evil_os_system.ckpt", "trunc_half.pt", "crc_mismatch.pt", "text.pt"])(
    "%s ends with one line on standard error, nothing on standard output",
    (name) => {
      const { stdout, stderr, status } = run("inspect", fixture(name));
      expect(status).toBe(1);
      expect(stdout).toBe("");
      expect(stderr.trim().split("\n")).toEqual([expect.stringMatching(new RegExp(`^error: .*${name}`))]);
    },
  );
});

test("the built-in world is told, exported as both, and told again from the exports", () => {
  expect(run("inspect", "doom").stdout).toMatch(/world model of vid2world, causal, actions of 6 numbers/);
  const [lightning, ours] = [join(folder, "doom.ckpt"), join(folder, "doom.safetensors")];
  expect(run("export", "doom", "--format", "lightning", "--out", lightning).stdout).toMatch(
    /842 tensors of unet, autoencoder/,
  );
  expect(run("export", lightning, "--format", "safetensors", "--out", ours).status).toBe(0);
  const report = JSON.parse(
    execFileSync(process.execPath, [main, "inspect", ours, "--json"], { encoding: "utf8" }),
  ) as { readonly foreign: readonly string[]; readonly parts: readonly { readonly missing: readonly string[] }[] };
  expect(report.foreign).toEqual([]);
  expect(report.parts.map(({ missing }) => missing)).toEqual([[], []]);
  const keys = run("inspect", lightning, "--keys").stdout;
  expect(keys).toMatch(/^model\.diffusion_model\.out\.2\.conv2d\.weight float16 \[4, 64, 3, 3\]$/m);
});

test("a format that there is not is refused with those there are", () => {
  const { stderr, status } = run("export", "doom", "--format", "onnx", "--out", join(folder, "x"));
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/Allowed choices are safetensors, lightning/);
});
