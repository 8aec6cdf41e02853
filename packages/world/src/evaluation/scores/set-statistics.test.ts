// Statistics that are kept are those of the clips: a reference gives the same distance, and shares joined give that of all clips.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Tensor } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluateFolder } from "./evaluate-folder.js";
import { loadStatistics, mergedDistances, statisticsFile } from "./set-statistics.js";
import { writePair } from "./testing/toy-pairs.js";

let root = "";
const at = (...parts: string[]): string => path.join(root, ...parts);
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "statistics-"));
  for (const [name, noise] of [
    ["a", 0.2],
    ["b", 0.8],
  ] as const) {
    await writePair(at("all"), name, noise, 2);
    await cp(at("all", name), at(`share-${name}`, name), { recursive: true });
  }
});
afterAll(() => rm(root, { recursive: true }));

const dispose = (): void => undefined;
const fid = {
  ...{ name: "means of rows", width: 2, dispose, [Symbol.dispose]: dispose },
  features: (x_BCHW: Tensor) => x_BCHW.mean([1, 3]).narrow(1, 0, 2),
};
const networks = { fid, missing: {}, checksums: {}, dispose, [Symbol.dispose]: dispose };
const options = { environment: "own", metrics: ["fid"], networks } as const;

test("shares that are joined give the distance of all clips; a kept reference that of the true clips", async () => {
  const all = await evaluateFolder(at("all"), { ...options, saveStatistics: at("kept") });
  const distance = all.scores.parts[0]?.fid?.value ?? NaN;
  expect(distance).toBeGreaterThan(0);
  for (const name of ["a", "b"])
    await evaluateFolder(at(`share-${name}`), { ...options, saveStatistics: at("stats", name) });
  const [joined, ...others] = await mergedDistances([at("stats/a"), at("stats/b")]);
  expect([joined?.name, joined?.vectors, joined?.network, others]).toEqual(["fid", 4, "means of rows", []]);
  expect(joined?.value).toBeCloseTo(distance, 9);
  const against = await evaluateFolder(at("all"), { ...options, reference: at("kept") });
  expect(against.scores.parts[0]?.fid?.value).toBeCloseTo(distance, 9);
  expect(against.scores.parts[0]?.fid?.low).toBeUndefined();
  expect(against.warnings.join()).toMatch(/FID: against the 4 vectors of .*fid\.truth\.safetensors; no interval/);
});

test("statistics of another network, missing ones and a folder without any are refused by name", async () => {
  const file = statisticsFile(at("kept"), "fid", "", "truth");
  await expect(loadStatistics(file, "InceptionV3 (FID)")).rejects.toThrow(
    /features of means of rows, not of Inception/,
  );
  await expect(evaluateFolder(at("all"), { ...options, reference: at("nowhere") })).rejects.toThrow(
    /nowhere\/fid\.truth\.safetensors: is missing; .*--save-statistics/,
  );
  await expect(mergedDistances([at("all")])).rejects.toThrow(/all: holds no statistics/);
});
