// Systems are compared on the same clips; the page is whole, runs nothing but its own program, and shows the worst clip first.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { liveTensors, type Tensor } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { summarise } from "../scores/summary.js";
import { writePair } from "../scores/testing/toy-pairs.js";
import { compareFolders, compareReports, type ComparisonReport, shortNames } from "./compare-folders.js";
import type { ComparedSystem } from "./compared-metric.js";
import { comparisonPage } from "./comparison-page.js";
import { comparisonCsv, comparisonMarkdown, comparisonText } from "./comparison-text.js";

let root: string;
let report: ComparisonReport;
const metrics = ["psnr", "ssim"] as const;
const names = ["a", "b<c>", "d"];
const at = (...parts: string[]): string => path.join(root, ...parts);
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "comparison-"));
  // Coding a video takes longer than copying it: clip i of the bad system is made as clip i + 1 of the good one.
  for (let level = 0; level <= names.length; level++) await writePair(at("made"), String(level), 0.2 * level, 2);
  for (const [i, name] of names.entries()) {
    await cp(at("made", String(i)), at("good", name), { recursive: true });
    await cp(at("made", String(i + 1)), at("bad", name), { recursive: true });
  }
  report = await compareFolders([at("good"), at("bad")], { environment: "own", metrics });
}, 240_000);
afterAll(() => rm(root, { recursive: true }));

/** A report of made-up scores: a clip per number, of two frames. */
function made(name: string, psnr: readonly number[]): ComparedSystem {
  const scores = psnr.map((value) => [value - 1, value + 1]);
  const clips = scores.map((psnr, i) => ({ name: `clip ${i}`, parts: [{ psnr }] }));
  const parts = [{ name: "", pictures: { psnr: summarise(scores, 64) } }];
  const scored = {
    ...(report.systems[0] as ComparedSystem).report,
    scores: { source: "video", parts, clips },
  } as const;
  return { name, report: scored };
}

test("a system that is worse in every clip is worse, with the p-value of so many clips that all agree", () => {
  const good = [30, 31, 29, 35, 28, 33];
  const bad = made(
    "bad",
    good.map((value, i) => value - 1 - i / 10),
  );
  const { comparisons, worstFirst } = compareReports([made("good", good), bad]);
  expect(comparisons.map(({ system, metric, better, pValue }) => [system, metric, better, pValue])).toEqual([
    ["bad", "psnr", false, 2 / 2 ** 6],
  ]);
  expect([worstFirst[0], worstFirst.at(-1)]).toEqual(["clip 4", "clip 3"]);
  const [same] = compareReports([made("one", good), made("two", good)]).comparisons;
  expect([same?.difference.value, same?.pValue, same?.better]).toEqual([0, 1, undefined]);
});

test("what folders hold is read: the bad one is worse, and the worst clip comes first", () => {
  expect(report.systems.map(({ name }) => name)).toEqual(["good", "bad"]);
  expect(report.comparisons.every(({ difference }) => difference.value < 0)).toBe(true);
  expect(report.worstFirst).toEqual(["d", "b<c>", "a"]);
});

test("metrics of sets are compared by exchanging clips; clips are in the order of their names then, and the page shows them", async () => {
  const dispose = (): void => undefined;
  const fid = {
    ...{ name: "brightness", width: 1, dispose, [Symbol.dispose]: dispose },
    features: (x_BCHW: Tensor) => x_BCHW.mean([1, 2, 3]).unsqueeze(1),
  };
  const networks = { fid, missing: {}, checksums: {}, dispose, [Symbol.dispose]: dispose };
  const before = liveTensors();
  const sets = await compareFolders([at("good"), at("bad")], { environment: "own", metrics: ["fid", "fvd"], networks });
  expect(liveTensors()).toBe(before);
  expect(sets.rankedBy).toBeUndefined();
  expect(sets.comparisons.map(({ system, metric, episodes }) => [system, metric, episodes])).toEqual([
    ["bad", "fid", 3],
  ]);
  const [found] = sets.comparisons;
  const [good, bad] = sets.systems.map(({ report }) => report.scores.parts[0]?.fid?.value ?? NaN) as [number, number];
  expect(found?.difference.value).toBe(bad - good);
  expect((found?.pValue ?? NaN) * 2 ** 3).toSatisfy(Number.isInteger); // all arrangements of three clips
  expect(comparisonMarkdown(sets)).toMatch(/\| bad \| FID ↓ \| [+-]\d+\.\d+ \[.*\] \| p = /);
  expect(sets.worstFirst).toEqual(names);
  expect(comparisonText(sets)).toMatch(/FID ↓/);
  expect(await comparisonPage(sets, { facts: [], clips: 1 })).toMatch(/By name: no metric scores single clips/);
});

test("text forms: a column per system, differences with p, a line per system, clip and frame", () => {
  const markdown = comparisonMarkdown(report);
  expect(markdown).toMatch(/\| metric \| good \| bad \|/);
  expect(markdown).toMatch(/\| bad \| PSNR \(dB\) ↑ \| -\d+\.\d+ \[-.*\] \| p = 0\.\d+ \| no clear difference \|/);
  const lines = comparisonCsv(report).trimEnd().split("\n");
  expect(lines).toHaveLength(1 + 2 * names.length * 2 * 2);
  expect(lines[1]).toMatch(/^"good",a,,0,psnr,\d/);
});

test("the page needs nothing else, allows one program, escapes names, and has a strip per panel", async () => {
  const page = await comparisonPage(report, { facts: [["command", "vid2world <x>"]], clips: 1 });
  expect(page).toMatch(/default-src 'none'; .*script-src 'sha256-[\w+/=]+'"/);
  expect(page.match(/<script/g)).toHaveLength(1);
  expect(page).not.toMatch(/(src|href)="(?!data:)|url\((?!data:)|@import/);
  expect(page).not.toContain("<x>");
  expect(page.match(/class="frame"/g)).toHaveLength(3 * 3);
  expect(page).toContain("<h3>b&#60;c&#62;</h3>");
  expect(page).toMatch(/<h3>d<[^]*\(the median\)[^]*<h3>a<[^]*\(the best\)/);
  expect(page).toMatch(/95 %, bootstrap over clips, 2000 resamples, seed 0; of FID and FVD: basic bootstrap, 200/);
  expect(page).toMatch(/SHA-256 of its videos/);
  expect(page).toMatch(/aria-label="frame of all clips"/);
});

test("folders with other clips, or other true frames under the same names, are refused", async () => {
  await cp(at("made/0"), at("other/a"), { recursive: true });
  await expect(compareFolders([at("good"), at("other")], { environment: "own", metrics })).rejects.toThrow(
    /other: lacks clip b<c> of .*good/,
  );
  for (const name of names) await cp(at("good", name), at("foreign", name), { recursive: true });
  await cp(at("made/3/pred_video.mp4"), at("foreign/d/gt_video.mp4"));
  await expect(compareFolders([at("good"), at("foreign")], { environment: "own", metrics })).rejects.toThrow(
    /foreign: clip d has other true frames than in .*good/,
  );
});

test("systems are called by as much of their path as tells them apart", () => {
  expect(shortNames(["/x/a/out", "/x/b/out"])).toEqual(["a/out", "b/out"]);
  expect(shortNames(["/x/a", "/x/b"])).toEqual(["a", "b"]);
});
