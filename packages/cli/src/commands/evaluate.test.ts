// `vid2world evaluate`: one folder, several, a page; and what is wrong with an input is said by name.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { writePair } from "@vid2world/world/evaluation/scores/testing/toy-pairs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { evaluateCommand } from "./evaluate.js";

let root: string;
let said: string[];
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "evaluate-"));
  for (const name of ["a", "b"]) {
    await writePair(path.join(root, "ours"), name, 0.2, 1);
    await writePair(path.join(root, "theirs"), name, 0.5, 1);
  }
}, 240_000);
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => {
  said = [];
  vi.spyOn(console, "log").mockImplementation((text: string) => void said.push(text));
});
afterEach(() => vi.restoreAllMocks());

const at = (name: string): string => path.join(root, name);
const run = (...words: string[]) => evaluateCommand().parseAsync(["node", "vid2world", ...words]);

test("one folder: the table is printed, and JSON, CSV and Markdown are written", async () => {
  const files = ["scores.json", "scores.csv", "scores.md"].map(at) as [string, string, string];
  const outputs = ["--json", files[0], "--csv", files[1], "--markdown", files[2]];
  await run(at("ours"), "--env", "own", "--metrics", "psnr", "ssim", ...outputs, "--html", at("one.html"));
  expect(await readFile(at("one.html"), "utf8")).toMatch(/Scores of ours/);
  expect(said.join("\n")).toMatch(/own clips: 2 clips from the videos, corrected protocol[\s\S]*PSNR \(dB\) ↑/);
  expect(JSON.parse(await readFile(files[0], "utf8"))).toMatchObject({
    format: "vid2world-scores/1",
    environment: "own",
  });
  expect((await readFile(files[1], "utf8")).split("\n")[1]).toMatch(/^a,,0,psnr,/);
  expect(await readFile(files[2], "utf8")).toMatch(/^\| metric/);
});

test(
  "several folders: compared with the first, and shown on a page with the exact command",
  { timeout: 120_000 },
  async () => {
    const page = at("report.html");
    await run("--compare", at("ours"), at("theirs"), "--env", "own", "--metrics", "psnr", "--html", page);
    expect(said.join("\n")).toMatch(/\| theirs \| PSNR \(dB\) ↑ \|/);
    expect(await readFile(page, "utf8")).toMatch(/<th scope="row">command<\/th><td>vid2world /);
  },
);

test("a metric without its weights is reported as not computed, with the way to get it", async () => {
  vi.stubEnv("VID2WORLD_WEIGHTS", at("nowhere"));
  await run(at("ours"), "--env", "own", "--metrics", "lpips", "fid");
  vi.unstubAllEnvs();
  expect(said.join("\n")).toMatch(/not computed[\s\S]*LPIPS: not computed: .*vid2world weights pull vgg16/);
  said = [];
  vi.stubEnv("VID2WORLD_WEIGHTS", at("nowhere"));
  await run("--compare", at("ours"), at("theirs"), "--env", "own", "--metrics", "mse", "lpips");
  vi.unstubAllEnvs();
  expect(said.join("\n")).toMatch(/LPIPS: not computed: .*vid2world weights pull vgg16/);
});

test("a foreign file under a network's name is named, with what it should be", async () => {
  await mkdir(at("weights/inception"), { recursive: true });
  await writeFile(at("weights/inception/pt_inception-2015-12-05-6726825d.pth"), "something else");
  vi.stubEnv("VID2WORLD_WEIGHTS", at("weights"));
  await expect(run(at("ours"), "--env", "own", "--metrics", "fid")).rejects.toThrow(/pt_inception-2015-12-05/);
  vi.unstubAllEnvs();
});

test("no folder, the wrong number of clips, a folder without clips: said what was found and what to do", async () => {
  await expect(run("--env", "own")).rejects.toThrow(/<dir>: expected a folder of rollouts/);
  await expect(run(at("ours"))).rejects.toThrow(/--env: expected rt1, csgo/);
  await expect(run("--merge", root)).rejects.toThrow(/holds no statistics/);
  const two = ["--compare", at("ours"), at("theirs"), "--env", "own", "--save-statistics", at("stats")];
  await expect(run(...two)).rejects.toThrow(/--save-statistics: expected one folder/);
  await expect(run(at("ours"), "--env", "rt1")).rejects.toThrow(/1024.*--n 2.*2 in the folder/s);
  await expect(run(root, "--env", "own")).rejects.toThrow(/holds no clips/);
});
