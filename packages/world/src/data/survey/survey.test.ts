// Checking and inspecting data: the bundled gameplay is right and any shift of its actions is noticed; made damage is named.
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { FormatError, writeVideo } from "@vid2world/formats";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { convertCsgo } from "../csgo/csgo-convert.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeClipFile, writeHeader } from "../recording-writer.js";
import { estimateLag, LAGS } from "./action-lag.js";
import { checkData } from "./check-data.js";
import { writeContactSheet } from "./contact-sheet-html.js";
import { missingEpisodes, missingSentence } from "./missing-episodes.js";
import { quarantine, quarantineOf } from "./quarantine.js";
import { actionStatistics, sparkline } from "./statistics.js";
import { openSurvey, type Survey } from "./survey.js";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "vid2world-survey-"))));
afterEach(() => {
  for (const each of [folder, quarantineOf(folder)]) rmSync(each, { recursive: true, force: true });
});

const [WIDTH, HEIGHT, FPS] = [64, 48, 10];

/** A striped wall that moves to the left by 2 * turn pixels per frame; `freeze` keeps a picture. */
function* wall(turns: readonly number[], freeze: (t: number) => boolean = () => false): Generator<Uint8Array, void> {
  let [angle, shown] = [0, 0];
  for (const [t, turn] of turns.entries()) {
    if (!freeze(t)) shown = angle;
    yield Uint8Array.from({ length: HEIGHT * WIDTH * 3 }, (_, i) => {
      const x = (Math.floor(i / 3) % WIDTH) + shown;
      return 128 + 60 * Math.sin(x / 5) + 50 * Math.sin(x / 13);
    });
    angle += 2 * turn;
  }
}

const noise = (seed: number): number => (((Math.sin(seed * 12.9898) * 43_758.5453) % 1) + 1) % 1; // 0 to 1

const turnsOf = (count: number, seed = 1): number[] =>
  Array.from({ length: count }, (_, t) => Math.round(noise(t + 1000 * seed) * 10) / 5 - 1);

interface ClipOptions {
  readonly rows?: readonly number[];
  readonly split?: "train" | "val";
  readonly freeze?: (t: number) => boolean;
}

async function clip(name: string, turns: readonly number[], options: ClipOptions = {}): Promise<void> {
  const { rows = turns, split = "train", freeze = () => false } = options;
  const { channels } = await writeHeader(folder, {
    name: "test", fps: FPS, width: WIDTH, height: HEIGHT, licence: "CC0-1.0", source: "test",
    channels: [{ name: "turn", kind: "continuous", range: [-2, 2] }, { name: "fire", kind: "binary" }],
  }); // prettier-ignore
  await writeVideo(join(folder, `${name}.mp4`), wall(turns, freeze), {
    width: WIDTH,
    height: HEIGHT,
    fps: FPS,
    lossless: true,
    preset: "ultrafast",
  });
  await writeClipFile(
    folder,
    name,
    { split, frames: turns.length, actions: rows.map((turn) => [turn, turn > 0.7 ? 1 : 0]) },
    channels,
  );
}

const said = (report: { findings: readonly { message: string }[] }): string =>
  report.findings.map(({ message }) => message).join("\n");

test("good data is fit, and the picture is explained by the action of its own frame", async () => {
  await clip("a", turnsOf(60));
  await clip("b", turnsOf(40, 2), { split: "val" });
  const report = await checkData(await openSurvey(folder));
  expect(report).toMatchObject({ fit: true, findings: [], episodes: 2, frames: 100 });
  expect(report.lag).toMatchObject({ best: 0, suspicious: false });
  expect(report.lag?.explained[LAGS.indexOf(0)]).toBeGreaterThan(0.9);
});

test.each([-2, -1, 1, 3])("actions that are shifted by %i rows are noticed", async (shift) => {
  const turns = turnsOf(120);
  await clip("a", turns, { rows: turns.map((_, t) => turns[Math.min(119, Math.max(0, t - shift))] ?? 0) });
  const report = await checkData(await openSurvey(folder));
  expect(report.lag).toMatchObject({ best: shift, suspicious: true });
  expect(said(report)).toMatch(/rows seem to be (late|early) by [123]/);
});

test("what is broken is named with file and row, put aside with its reason, and the rest is fit then", async () => {
  await clip("good", turnsOf(60));
  await clip("val", turnsOf(60), { split: "val" });
  await clip("frozen", turnsOf(60), { freeze: (t) => t > 20 && t < 45 });
  await clip("still", new Array<number>(60).fill(0.5));
  await clip("doubled", turnsOf(60), { freeze: (t) => t % 5 === 0 });
  await clip("short", turnsOf(30));
  cpSync(join(folder, "good.mp4"), join(folder, "short.mp4"));
  await clip("cut", turnsOf(30));
  const bytes = readFileSync(join(folder, "cut.mp4"));
  writeFileSync(join(folder, "cut.mp4"), bytes.subarray(0, bytes.length * 0.6));
  await clip("nan", turnsOf(30));
  const file = join(folder, "nan.actions.json");
  writeFileSync(file, readFileSync(file, "utf8").replace(/\[\n\[[-\d.]+,/, "[\n[-9,"));
  cpSync(join(folder, "good.mp4"), join(folder, "alone.mp4"));
  const report = await checkData(await openSurvey(folder));
  expect(report.fit).toBe(false);
  expect(said(report)).toMatch(/frozen\.actions\.json: frames 20 to 44 are equal although the actions change/);
  expect(said(report)).toMatch(/doubled\.actions\.json: (\d|1[0-2]) of 60 frames repeat the one before/);
  expect(said(report)).toMatch(/still\.actions\.json: the same action in all 60 rows/);
  expect(said(report)).toMatch(/short\.mp4: holds 60 frames of 64x48, but short\.actions\.json announces 30/);
  expect(said(report)).toMatch(/cut\.mp4: /);
  expect(said(report)).toMatch(/nan\.actions\.json: actions\[\d+\]: turn = -9 is outside of its range/);
  expect(said(report)).toMatch(/alone\.mp4: has no actions beside it/);
  const moved = await quarantine(folder, report.findings);
  expect(moved).toHaveLength(7);
  expect(
    readFileSync(join(quarantineOf(folder), "log.jsonl"), "utf8")
      .trim()
      .split("\n"),
  ).toHaveLength(4);
  expect(readdirSync(folder).sort()).toEqual(["actions.json", "doubled", "frozen", "good", "still", "val"].flatMap((name) => (/^(doubled|frozen|good|still|val)$/.test(name) ? [`${name}.actions.json`, `${name}.mp4`] : [name]))); // prettier-ignore
  expect((await checkData(await openSurvey(folder))).fit).toBe(true);
});

test("uneven frames of a video and channels that never change are named", async () => {
  await clip("a", turnsOf(60));
  const { execFileSync } = await import("node:child_process");
  // Every frame from the 30th on comes 0.4 s later: four frames were dropped there.
  const filter = "setpts=PTS+if(gte(N\\,30)\\,0.4/TB\\,0)";
  execFileSync("ffmpeg", [
    "-v",
    "error",
    "-y",
    "-i",
    join(folder, "a.mp4"),
    "-vf",
    filter,
    "-fps_mode",
    "passthrough",
    "-c:v",
    "libx264",
    join(folder, "b.mp4"),
  ]);
  cpSync(join(folder, "b.mp4"), join(folder, "a.mp4"));
  rmSync(join(folder, "b.mp4"));
  const file = join(folder, "a.actions.json");
  writeFileSync(file, readFileSync(file, "utf8").replace(/,1\]/g, ",0]"));
  const report = await checkData(await openSurvey(folder));
  expect(said(report)).toMatch(
    /a\.mp4: frame 30 comes 0\.500 s after the one before it, not 0\.100 s; frames were dropped/,
  );
  expect(said(report)).toMatch(/channel fire is 0 in all 60 rows; leave it out, or record it/);
  expect(said(report)).toMatch(/no clip is marked "val"/);
});

test("published .npz episodes are surveyed too: NaN, other sizes and lengths are errors", async () => {
  const write = (name: string, frames: number, rows: number, value = 0.5): Promise<void> => {
    const action = Float32Array.from({ length: rows * 13 }, (_, i) => (i === 14 ? value : (i * 31) % 7));
    const image = Uint8Array.from({ length: frames * 8 * 10 * 3 }, (_, i) => (i * 13) % 251);
    return writeNpz(join(folder, `${name}.npz`), new Map([
      ["image", { dtype: "uint8" as const, shape: [frames, 8, 10, 3], data: image }],
      ["action", { dtype: "float32" as const, shape: [rows, 13], data: action }],
    ])); // prettier-ignore
  };
  await write("a", 4, 4);
  await write("b", 4, 5);
  await write("c", 4, 4, NaN);
  writeFileSync(join(folder, "d.npz"), "PK not really");
  const survey = await openSurvey(folder);
  expect([survey.width, survey.height, survey.channels[12]?.name]).toEqual([10, 8, "world_vector_2"]);
  const report = await checkData(survey);
  expect(said(report)).toMatch(/b\.npz: 5 rows of action for 4 frames/);
  expect(said(report)).toMatch(/c\.npz: row 1: base_displacement_vector_1 is NaN/);
  expect(said(report)).toMatch(/d\.npz: not a readable \.npz archive/);
});

test("statistics count every row, and the contact sheet is one file with frames and actions", async () => {
  await clip("a<b", turnsOf(30));
  const survey = await openSurvey(folder);
  const [turn, fire] = actionStatistics(survey);
  const turns = turnsOf(30);
  expect([turn?.minimum, turn?.maximum]).toEqual([Math.min(...turns), Math.max(...turns)]);
  expect(turn?.histogram.reduce((sum, n) => sum + n)).toBe(30);
  expect(fire?.active).toBeCloseTo(turns.filter((value) => value > 0.7).length / 30);
  expect(sparkline([0, 1, 4, 16])).toBe("·▃▅█");
  const file = join(folder, "sheet.html");
  await writeContactSheet(file, survey, { frames: 4 });
  const html = readFileSync(file, "utf8");
  expect(html.match(/data:image\/jpeg/g)).toHaveLength(4);
  expect(html).toContain("<h2>a&lt;b</h2>");
  expect(html).toMatch(/frame 29\n(turn -?[\d.]+|at rest)/);
});

test("a folder that is something else is named, with the command that helps", async () => {
  await expect(openSurvey(folder)).rejects.toThrow(/no training data that is known/);
  await expect(openSurvey(join(folder, "none"))).rejects.toThrow(/none: there is no such folder/);
  writeFileSync(join(folder, "x.tar"), "");
  await expect(openSurvey(folder)).rejects.toThrow(/vid2world data convert csgo/);
});

test("nothing is said about actions that have nothing to do with the picture, nor about too few frames", () => {
  const episode = {
    motions: Array.from({ length: 300 }, (_, t) => [noise(t), noise(t + 1000), noise(t + 2000)]),
    actions: Array.from({ length: 300 }, (_, t) => [noise(t + 3000), noise(t + 4000)]),
  };
  expect(estimateLag([episode])?.suspicious).toBe(false);
  expect(estimateLag([{ motions: episode.motions.slice(0, 20), actions: episode.actions }])).toBeUndefined();
});

const formats = join(resolve(process.env.VID2WORLD_SHARED ?? "../shared"), "data/formats");
const withShared = test.skipIf(!existsSync(formats)); // the original formats of CS:GO and RECON

withShared("CS:GO and RECON are surveyed in their own files; what is missing in them is named", async () => {
  await convertCsgo({ input: join(formats, "csgo_tar"), output: join(folder, "csgo") });
  const csgo = await openSurvey(join(folder, "csgo")); // where `data convert` was told to put it
  expect([csgo.kind, csgo.width, csgo.channels.length, csgo.episodes[0]?.frames]).toEqual([
    "CS:GO (hdf5)",
    280,
    51,
    16,
  ]);
  expect((await checkData(csgo)).findings.filter(({ severity }) => severity === "error")).toEqual([]);
  const recon = await openSurvey(join(formats, "recon_processed"));
  expect([recon.width, recon.height, recon.channels.length, recon.episodes.length]).toEqual([640, 480, 3, 1]);
  expect(said(await checkData(recon))).toMatch(/_1_r00: holds 0 images, but traj_data.pkl 16 poses/);
});

const doom = resolve(import.meta.dirname, "../../../../../recordings/doom-e1m2");

test.skipIf(!existsSync(doom))("the bundled gameplay has its actions at the right frames", async () => {
  const survey = await openSurvey(doom);
  const report = await checkData({ ...survey, episodes: survey.episodes.slice(0, 2) });
  expect(report.lag).toMatchObject({ best: 0, suspicious: false });
  expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
});

test("what a list of names asks for and the folder has not is said, whatever form the list has", async () => {
  const file = join(folder, "list");
  const episode = { name: "train_eps_00000001", parts: ["/data/train_eps_00000001.npz"] };
  const unreadable = { error: new FormatError("x", "y"), parts: ["/data/train_eps_00000002.npz"] };
  const survey = { episodes: [episode], broken: [unreadable] } as unknown as Survey;
  writeFileSync(file, JSON.stringify(["train_eps_00000001.npz", "train_eps_00000002.npz", "train_eps_00000003.npz"]));
  expect(await missingEpisodes(file, survey)).toEqual(["train_eps_00000003.npz"]);
  writeFileSync(file, "train_eps_00000001\n\na\nb\nc\n");
  const missing = await missingEpisodes(file, survey);
  expect(missingSentence(file, missing, 2)).toBe(`${file}: 3 of its episodes are not there: a, b, 1 more`);
  expect(missingSentence(file, [])).toBeUndefined();
  writeFileSync(file, "[1]");
  await expect(missingEpisodes(file, survey)).rejects.toThrow(`${file}: expected a list of names`);
});
