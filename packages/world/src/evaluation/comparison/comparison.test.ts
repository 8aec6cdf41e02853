// Systems are compared on the same clips; the page is whole, runs nothing but its own program, and shows the worst clip first.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writePair } from "../scores/testing/toy-pairs.js";
import { compareFolders, type ComparisonReport, shortNames } from "./compare-folders.js";
import { comparisonPage } from "./comparison-page.js";
import { comparisonCsv, comparisonMarkdown } from "./comparison-text.js";

let root: string;
let report: ComparisonReport;
const metrics = ["psnr", "ssim"] as const;
const names = ["a", "b", "c<d>", "e", "f", "g"];
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "comparison-"));
  // Coding a video takes longer than copying it: clip i of the bad system is made as clip i + 2 of the good one.
  for (let level = 0; level < names.length + 2; level++)
    await writePair(path.join(root, "made"), String(level), 0.1 * level);
  for (const [i, name] of names.entries()) {
    await cp(path.join(root, "made", String(i)), path.join(root, "good", name), { recursive: true });
    await cp(path.join(root, "made", String(i + 2)), path.join(root, "bad", name), { recursive: true });
  }
  const folders = [path.join(root, "good"), path.join(root, "bad")];
  report = await compareFolders(folders, { environment: "own", metrics });
}, 240_000);
afterAll(() => rm(root, { recursive: true }));

test("the worse system is worse in every metric, with the p-value of six clips that all agree, and the worst clip comes first", () => {
  expect(report.systems.map(({ name }) => name)).toEqual(["good", "bad"]);
  expect(report.comparisons.map(({ metric, better, pValue }) => [metric, better, pValue])).toEqual([
    ["psnr", false, 2 / 2 ** 6],
    ["ssim", false, 2 / 2 ** 6],
  ]);
  expect(report.worstFirst[0]).toBe("g");
  expect(report.worstFirst.at(-1)).toBe("a");
});

test("a folder against itself differs in nothing", async () => {
  await cp(path.join(root, "good"), path.join(root, "same"), { recursive: true });
  const same = await compareFolders([path.join(root, "good"), path.join(root, "same")], {
    environment: "own",
    metrics,
  });
  for (const { difference, pValue, better } of same.comparisons)
    expect([difference.value, pValue, better]).toEqual([0, 1, undefined]);
}, 120_000);

test("text forms: a column per system, differences with p, a line per system, clip and frame", () => {
  const markdown = comparisonMarkdown(report);
  expect(markdown).toMatch(/\| metric \| good \| bad \|/);
  expect(markdown).toMatch(/\| bad \| PSNR \(dB\) ↑ \| -\d+\.\d+ \[-.*\] \| p = 0\.031 \| worse \|/);
  const lines = comparisonCsv(report).trimEnd().split("\n");
  expect(lines).toHaveLength(1 + 2 * names.length * 3 * 2);
  expect(lines[1]).toMatch(/^"good",a,,0,psnr,\d/);
});

test("the page needs nothing else, allows one program, escapes names, and has a strip per panel", async () => {
  const page = await comparisonPage(report, { facts: [["command", "vid2world <x>"]], clips: 3 });
  expect(page).toMatch(/default-src 'none'; .*script-src 'sha256-[\w+/=]+'"/);
  expect(page.match(/<script/g)).toHaveLength(1);
  expect(page).not.toMatch(/(src|href)="(?!data:)|url\((?!data:)|@import/);
  expect(page).not.toContain("<x>");
  expect(page.match(/class="frame"/g)).toHaveLength(3 * 3);
  expect(page.indexOf("<h3>g</h3>")).toBeLessThan(page.indexOf("<h3>f</h3>"));
  expect(page).toMatch(/SHA-256 of its videos/);
  expect(page).toMatch(/aria-label="frame of all clips"/);
});

test("folders with other clips are refused, by name", async () => {
  await cp(path.join(root, "made/0"), path.join(root, "other/a"), { recursive: true });
  const folders = [path.join(root, "good"), path.join(root, "other")];
  await expect(compareFolders(folders, { environment: "own", metrics })).rejects.toThrow(
    /other: lacks clip b of .*good/,
  );
});

test("systems are called by as much of their path as tells them apart", () => {
  expect(shortNames(["/x/a/out", "/x/b/out"])).toEqual(["a/out", "b/out"]);
  expect(shortNames(["/x/a", "/x/b"])).toEqual(["a", "b"]);
});
