// A run's history with its interruptions, the curves in it, and the page that shows them.
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { thinned } from "../../page/curve.js";
import { curvesOf } from "./curves.js";
import { type HistoryLine, historyOf, readHistory, stepOf } from "./read-history.js";
import { writeRunReport } from "./run-report.js";

let time = 0;
const line = (type: string, more: object = {}): HistoryLine => ({ time: (time += 60), type, ...more });
const progress = (step: number, more: object = {}): HistoryLine =>
  line("progress", { step, loss: 1 / step, gradientNorm: 0.5, progress: step / 10, minutes: step, ...more });
const start = (resume: boolean, commit = "abc"): HistoryLine =>
  line("start", { kind: "world", resume, versions: { commit }, machine: { cores: 2 } });
beforeEach(() => void (time = 1_700_000_000));

describe("a history", () => {
  test("counts steps that were done again once, and says how each part ended", () => {
    const lines = [start(false), progress(2), progress(4), line("validation", { step: 4, psnr: 9 }), progress(6)];
    lines.push(start(true), line("resumed", { step: 4 }), progress(6, { loss: 9 }), progress(8));
    lines.push(line("end", { step: 8, finished: false }), start(true), line("resumed", { step: 8 }), progress(10));
    lines.push(line("failed", { message: "no space left" }));
    const { parts, progress: kept, validations, incidents } = historyOf(lines);
    expect(kept.map((each) => [stepOf(each), each["loss"]])).toEqual([
      [2, 1 / 2],
      [4, 1 / 4],
      [6, 9],
      [8, 1 / 8],
      [10, 1 / 10],
    ]);
    expect(validations).toHaveLength(1);
    expect(parts.map(({ firstStep, lastStep, redone, ending }) => [firstStep, lastStep, redone, ending])).toEqual([
      [0, 6, 0, "no end recorded"],
      [4, 8, 2, "interrupted"],
      [8, 10, 0, "failed"],
    ]);
    expect(parts.at(-1)?.reason).toBe("no space left");
    expect(incidents).toHaveLength(1);
  });

  test("begins anew where there was no checkpoint to go on from", () => {
    for (const resume of [false, true]) {
      const { parts, progress: kept } = historyOf([start(false), progress(2), progress(4), start(resume), progress(2)]);
      expect(kept.map(stepOf)).toEqual([2]);
      expect(parts.map(({ firstStep, lastStep, redone }) => [firstStep, lastStep, redone])).toEqual([
        [0, 4, 0],
        [0, 2, 4],
      ]);
    }
  });

  test("of versions without start events is divided where it was resumed", () => {
    const { parts } = historyOf([
      progress(2),
      progress(4),
      line("resumed", { step: 4 }),
      progress(6),
      line("end", { step: 6, finished: true }),
    ]);
    expect(parts.map(({ lastStep, ending }) => [lastStep, ending])).toEqual([
      [4, "no end recorded"],
      [6, "finished"],
    ]);
  });
});

describe("curves", () => {
  test("hold every number that was recorded, null and absent ones left out", () => {
    const lossByLevel = [0.5, null, 0.25];
    const history = historyOf([
      progress(1, { lossByLevel, learningRate: 1e-3, memory: { processBytes: 2 ** 31 }, kl: 0.1 }),
      progress(2, { lossByLevel, learningRate: 1e-3, loss: null, gradientNorm: 0 }),
      line("validation", { step: 2, loss: 0.7, psnr: 20, own: 3 }),
    ]);
    const found = Object.fromEntries(curvesOf(history).map((curve) => [curve.id, curve]));
    expect(Object.keys(found)).toEqual([
      ...[
        "loss",
        "loss-by-level",
        "validation-psnr",
        "validation-own",
        "gradient-norm",
        "learning-rate",
        "train-kl",
        "memory",
      ],
    ]);
    expect(found["loss"]?.series).toEqual([
      { name: "training", points: [[1, 1]] },
      { name: "held out", points: [[2, 0.7]] },
    ]);
    expect(found["loss-by-level"]?.series.map(({ name }) => name)).toEqual(["0.0-0.1", "0.2-0.3"]);
    expect(found["memory"]?.series[0]?.points).toEqual([[1, 2]]);
    expect(found["gradient-norm"]?.logarithmic).toBe(false); // a zero has no logarithm
    expect(found["loss"]?.logarithmic).toBe(true);
  });

  test("are thinned to means, ends and order kept", () => {
    const points = Array.from({ length: 1000 }, (_, i) => [i, 2 * i] as const);
    const few = thinned(points, 10);
    expect(few).toHaveLength(10);
    expect(few[0]).toEqual([49.5, 99]);
    expect(few.at(-1)).toEqual([949.5, 1899]);
    expect(thinned(points, 1000)).toBe(points);
  });
});

describe("the report", () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(path.join(tmpdir(), "report-"))));
  afterEach(() => rm(folder, { recursive: true }));
  const write = (lines: readonly HistoryLine[], rest = ""): Promise<void> =>
    writeFile(path.join(folder, "metrics.jsonl"), lines.map((each) => `${JSON.stringify(each)}\n`).join("") + rest);

  test("is one page that asks for nothing, with curves, videos, parts, versions and configuration", async () => {
    const video = path.join("validation", "step-00000002", "a.mp4");
    await mkdir(path.join(folder, path.dirname(video)), { recursive: true });
    await writeFile(path.join(folder, video), "not really a video");
    await writeFile(path.join(folder, "config.yaml"), "kind: world\nnote: <script>alert(1)</script>\n");
    const files = [video, "../../../etc/hostname", "gone.mp4"];
    await write(
      [
        start(false, "old"),
        progress(1),
        progress(2),
        line("samples", { step: 2, files }),
        start(true, "new"),
        line("resumed", { step: 2 }),
      ],
      '{"time": 17, "type": "prog', // still being written
    );
    const html = path.join(folder, "pages", "report.html");
    const [svg, png] = [path.join(folder, "svg"), path.join(folder, "png")];
    const { files: written, summary } = await writeRunReport(folder, { html, svg, png });
    expect(summary).toBe(
      "Running, or ended without a word at step 2: 20 % of its budget, 2 min of training in 2 parts.",
    );
    const page = await readFile(html, "utf8");
    expect(page).not.toMatch(/<script|(src|href)="(?!data:)|url\(|@import/);
    expect(page).toContain("default-src &#39;none&#39;".replaceAll("&#39;", "'"));
    expect(page).toContain("prefers-color-scheme: dark");
    expect(page).toContain("new; before: old");
    expect(page).toContain("&#60;script&#62;alert(1)");
    expect(page.match(/<video /g)).toHaveLength(1);
    expect(page).toContain(Buffer.from("not really a video").toString("base64"));
    expect(page).toContain('stroke="var(--series0)"');
    expect(page).toContain("Dashed");
    expect(written).toHaveLength(5);
    expect(await readdir(svg)).toEqual(["gradient-norm.svg", "loss.svg"]);
    expect(await readFile(path.join(svg, "loss.svg"), "utf8")).not.toContain("var(");
    expect((await sharp(path.join(png, "loss.png")).metadata()).width).toBeGreaterThan(800);
  });

  test("of a folder without a run, or that has recorded nothing, is an error that says so; a line that was cut is left out and told", async () => {
    const report = writeRunReport(folder, { html: path.join(folder, "report.html") });
    await expect(report).rejects.toThrow(/metrics\.jsonl: missing: the folder holds no run/);
    await write([progress(1)], "{oops}\n");
    const { progress: kept, incidents } = await readHistory(folder);
    expect(kept).toHaveLength(1);
    expect(incidents[0]?.["message"]).toMatch(/metrics\.jsonl at byte \d+: a line that is no JSON is left out/);
    await write([]);
    await expect(readHistory(folder)).rejects.toThrow(/empty/);
  });

  test("of a run that has not reported yet says so", async () => {
    await write([start(false)]);
    const { summary } = await writeRunReport(folder, { html: path.join(folder, "report.html") });
    expect(summary).toBe("Nothing was trained yet.");
  });
});
