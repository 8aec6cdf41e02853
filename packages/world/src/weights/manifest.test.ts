// The manifest is complete, consistent and says where its figures are from.
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

import { WEIGHTS } from "./manifest.js";
import { findWeights, resolveWeights, weightPath, weightsRoot } from "./root.js";

test("names and destinations are unique, checksums are checksums, and nothing is without origin, evidence and licence", () => {
  for (const key of ["name", "destination"] as const)
    expect(new Set(WEIGHTS.map((file) => file[key])).size).toBe(WEIGHTS.length);
  for (const { name, destination, origin, sha256, size, evidence, licence } of WEIGHTS) {
    expect(sha256 ?? "0".repeat(64), name).toMatch(/^[0-9a-f]{64}$/);
    expect(size ?? 1, name).toBeGreaterThan(0);
    expect(destination, name).toMatch(/^[\w.-]+(\/[\w.-]+)+$/);
    expect(evidence.length * licence.length, name).toBeGreaterThan(0);
    const urls = origin.kind === "url" ? origin.urls : [`https://huggingface.co/${origin.repository}`];
    expect(
      urls.filter((url) => !URL.canParse(url) || !url.startsWith("https:")),
      name,
    ).toEqual([]);
    // torch names its files by the first eight digits of the checksum.
    const digits = /-([0-9a-f]{8})\.pth$/.exec(destination)?.[1];
    if (digits !== undefined && sha256 !== undefined) expect(sha256.startsWith(digits), name).toBe(true);
  }
});

test("the base model, eight world models and every metric's networks are there", () => {
  const inGroup = (group: string): string[] => findWeights([group]).map(({ name }) => name);
  expect(inGroup("base")).toEqual(["dynamicrafter-512"]);
  expect(inGroup("worlds")).toHaveLength(8);
  const metrics = ["i3d", "inception-fid", "vgg16", "alexnet", "lpips-vgg", "lpips-alex", "dreamsim", "dino-vitb16"];
  expect(inGroup("metrics").sort()).toEqual(metrics.sort());
  expect(inGroup("all")).toHaveLength(WEIGHTS.length);
});

test("an unknown name is answered with the known ones", () => {
  expect(() => findWeights(["vid2world-rt2"])).toThrow(
    /vid2world-rt2: unknown; there are dynamicrafter-512, .*groups base/s,
  );
  expect(() => resolveWeights("weights:nope")).toThrow("the manifest has no such file");
});

test("weights:NAME is a path once the file is there, and says how to get it before", async () => {
  const root = await mkdtemp(join(tmpdir(), "weights-"));
  try {
    expect(() => resolveWeights("weights:i3d", root)).toThrow("vid2world weights pull i3d");
    const [file] = findWeights(["i3d"]);
    const path = weightPath(file as (typeof WEIGHTS)[number], root);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "");
    expect(resolveWeights("weights:i3d", root)).toBe(path);
    expect(resolveWeights("some/file.ckpt", root)).toBe("some/file.ckpt");
  } finally {
    await rm(root, { recursive: true });
  }
});

test("the folder is the one of the environment, else the cache of the user", () => {
  expect(weightsRoot({ VID2WORLD_WEIGHTS: "/mnt/weights" })).toBe("/mnt/weights");
  expect(weightsRoot({})).toMatch(/\.cache\/vid2world\/weights$/);
});
