// The data commands as a user calls them: what they print, and how they exit.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { writeVideo } from "@vid2world/formats";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dataCommand } from "./data.js";

let folder = "";
let printed: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vid2world-data-"));
  printed = [];
  const print = (...parts: unknown[]): void => void printed.push(parts.join(" "));
  vi.spyOn(console, "log").mockImplementation(print);
  vi.spyOn(console, "error").mockImplementation(print);
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
  rmSync(folder, { recursive: true, force: true });
});

const run = (...words: string[]): Promise<unknown> => dataCommand().exitOverride().parseAsync(words, { from: "user" });
const said = (): string => printed.join("\n");
const at = (name: string): string => join(folder, name);

const shared = join(resolve(process.env.VID2WORLD_SHARED ?? "../shared"), "data/formats/rlds");

test.skipIf(!existsSync(shared))("convert rt1 says what it wrote, and a second call that all is there", async () => {
  const words = ["convert", "rt1", "--input", shared, "--output", at("out"), "--format", "recordings"];
  await run(...words);
  expect(said()).toMatch(
    /fractal20220817_data: 4 episodes written \(64 frames, [\d.]+ MB\/s read\), 0 there before, 0 problems/,
  );
  await run(...words);
  expect(said()).toMatch(/0 episodes written \(0 frames, 0.0 MB\/s read\), 4 there before/);
  await run("inspect", at("out/fractal20220817_data"));
  expect(said()).toMatch(/4 episodes, 64 frames of 320x256, 21 s at 3 frames\/s/);
});

test("own videos are imported, inspected and checked; a broken one makes the check fail until it is put aside", async () => {
  const frames = Array.from({ length: 12 }, (_, t) => new Uint8Array(32 * 24 * 3).fill(t * 20));
  await writeVideo(at("in/a.mp4"), frames, { width: 32, height: 24, fps: 5 });
  cpSync(at("in/a.mp4"), at("in/b.mp4"));
  for (const name of ["a", "b"]) writeFileSync(at(`in/${name}.csv`), "t,forward\n0,0\n1,1\n");
  writeFileSync(
    at("in/mapping.yaml"),
    "name: m\nlicence: CC0-1.0\nsource: test\nfps: 5\nwidth: 32\nheight: 24\nvalidation: [b]\nchannels:\n  - { name: forward, kind: continuous, range: [-1, 1] }\n",
  );
  await run("import", "folder", at("in"), "--mapping", at("in/mapping.yaml"), "--output", at("rec"));
  expect(said()).toMatch(/rec: 2 clips written \(24 frames\), 0 there before, 0 problems/);
  await run("inspect", at("rec"), "--html", at("sheet.html"));
  expect(said()).toMatch(/forward +continuous +0.000 +1.000/);
  expect(readFileSync(at("sheet.html"), "utf8")).toContain("data:image/jpeg");
  await run("check", at("rec"));
  expect(said()).toMatch(/2 episodes, 24 frames, 0 errors, 0 warnings: fit for training/);
  expect(process.exitCode ?? 0).toBe(0);
  writeFileSync(at("rec/b.mp4"), "no video");
  await run("check", at("rec"), "--fix");
  expect(said()).toMatch(/error: .*b\.mp4: not a readable video/);
  expect(process.exitCode).toBe(1);
  expect(existsSync(at("rec-quarantine/b.mp4"))).toBe(true);
});

test("wrong calls name the option or the folder", async () => {
  await expect(run("record", "--mapping", "m", "--output", "o")).rejects.toThrow(
    /--screen, --window, --url, --source: expected exactly one/,
  );
  await expect(run("check", folder)).rejects.toThrow(/no training data that is known/);
  await expect(run("convert", "rt1", "--input", folder, "--output", at("o"))).rejects.toThrow(
    /no dataset "fractal20220817_data"/,
  );
});
