import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkRecording, episodes, openRecording, readClip } from "./recording.js";
import { writeSyntheticRecording } from "./testing/synthetic.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-recording-"));
afterAll(() => rmSync(folder, { recursive: true }));
const make = async (name: string, options: Parameters<typeof writeSyntheticRecording>[1] = {}): Promise<string> => {
  await writeSyntheticRecording(join(folder, name), { train: [6], val: [4], images: true, ...options }); // no ffmpeg: fast
  return join(folder, name);
};
const edit = (file: string, change: (text: string) => string): void =>
  writeFileSync(file, change(readFileSync(file, "utf8")));

describe("a recording", () => {
  it.each([false, true])("is read back exactly as it was written (images: %s)", async (images) => {
    const recording = await openRecording(await make(`read-${images}`, { images, train: [12] }));
    expect(recording.episodes.map(({ name, split, frames }) => [name, split, frames])).toEqual([
      ["train_0", "train", 12],
      ["val_0", "val", 4],
    ]);
    expect(await checkRecording(recording)).toEqual([]);
    const [episode] = recording.episodes;
    if (episode === undefined) throw new Error("no episode");
    const clip = await readClip(episode, { start: 3, end: 11 });
    const bytes = 16 * 24 * 3;
    expect(clip).toMatchObject({ frames: 8, height: 16, width: 24, actionWidth: 5 });
    expect(Array.from({ length: 8 }, (_, t) => clip.frames_THWC[t * bytes + 1])).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(clip.actions_TA).toEqual(episode.actions_TA.slice(15, 55));
    expect(episode.state["x"]).toHaveLength(12);
  });

  it("is gone through in pieces that cover every frame of a split once", async () => {
    const recording = await openRecording(await make("pieces", { train: [7, 5] }));
    const seen: (string | number)[][] = [];
    for await (const { source, frames } of episodes([recording], { split: "train", pieceFrames: 5 })) {
      seen.push([source.episode, source.start, frames]);
    }
    expect(seen).toEqual([
      ["train_0", 0, 5],
      ["train_0", 5, 2],
      ["train_1", 0, 5],
    ]);
  });
});

describe("an error names the file and the fault", () => {
  it.each([
    ["a NaN", "[NaN,0,0]", /train_0.actions.json: not valid JSON: .*NaN/],
    ["a null", "[null,0,0]", /train_0.actions.json: actions.2.0: .*number/],
    ["a value out of range", "[1.25,0,0]", /train_0.actions.json: actions\[2\]: move = 1.25 is outside of its range/],
    ["a missing value", "[0,0]", /actions\[2\]: 2 values, but the action space has 3 channels \(move, jump, tool\)/],
  ])("of %s", async (name, row, message) => {
    const path = await make(`row ${name}`);
    edit(join(path, "train_0.actions.json"), (text) => {
      const lines = text.split("\n");
      lines[lines.indexOf('"actions": [') + 3] = `${row},`;
      return lines.join("\n");
    });
    await expect(openRecording(path)).rejects.toThrow(message);
  });

  it("of actions that are fewer than the frames announced", async () => {
    const path = await make("rows");
    edit(join(path, "val_0.actions.json"), (text) => text.replace('"frames": 4', '"frames": 5'));
    await expect(openRecording(path)).rejects.toThrow(
      /val_0.actions.json: frames: 5 announced, but actions has 4 rows/,
    );
  });

  it.each([false, true])("of pictures of another number than the actions, naming both (images: %s)", async (images) => {
    const path = await make(`length-${images}`, { images });
    edit(join(path, "val_0.actions.json"), (text) =>
      text
        .replace('"frames": 4', '"frames": 3')
        .replace(/,\n\[[^\]]*\]\n\]/, "\n]")
        .replace(/,\d+\]\n\}/, "]\n}"),
    );
    const recording = await openRecording(path);
    const message = /val_0(\.mp4)?: holds 4 (frames|images).*, but val_0.actions.json announces 3/;
    const [problem, ...others] = await checkRecording(recording);
    expect(others).toEqual([]);
    expect(problem?.message).toMatch(message);
    const last = recording.episodes.at(-1);
    if (last !== undefined) await expect(readClip(last)).rejects.toThrow(message);
  });

  it("of a header with a field or a key that does not exist", async () => {
    const path = await make("header");
    edit(join(path, "actions.json"), (text) => text.replace('"fps"', '"rate"'));
    await expect(openRecording(path)).rejects.toThrow(/actions.json: fps: .*; rate: unknown key/);
  });

  it("of a key binding that no keyboard has", async () => {
    const path = await make("keys");
    edit(join(path, "actions.json"), (text) => text.replace('"ArrowLeft"', '"Left"'));
    await expect(openRecording(path)).rejects.toThrow(/actions.json: channels.0.keys: unknown key "Left"; use a /);
  });

  it("of a clip without pictures, of a folder that is no recording", async () => {
    const path = await make("lost", { images: false });
    rmSync(join(path, "val_0.mp4"));
    await expect(openRecording(path)).rejects.toThrow(/val_0.actions.json: has no pictures beside it; val_0.mp4/);
    await expect(openRecording(folder)).rejects.toThrow(/actions.json: missing.*no folder of recordings/);
  });
});

const bundled = join(import.meta.dirname, "../../../../recordings");

describe.skipIf(!existsSync(bundled))("the bundled recordings (skipped where recordings/ was left out)", () => {
  it.each([
    ["doom-e1m2", 19, 11_900, 1_400],
    ["doom-maps", 29, 19_102, 3_143],
  ])("%s holds what its documentation says", async (name, count, train, val) => {
    const { episodes: held, header } = await openRecording(join(bundled, name));
    const frames = (split: string): number => held.reduce((sum, e) => sum + (e.split === split ? e.frames : 0), 0);
    expect([held.length, frames("train"), frames("val")]).toEqual([count, train, val]);
    expect(header).toMatchObject({ width: 160, height: 120, fps: 8.75 });
  });

  it("turn the engine's view angle by the turn of their actions", async () => {
    const { episodes: held } = await openRecording(join(bundled, "doom-e1m2"));
    for (const { state, actions_TA, frames } of held) {
      const angle = state["angle"] ?? [];
      for (let t = 0; t + 1 < frames; t++) {
        const turned = (((angle[t + 1] ?? 0) - (angle[t] ?? 0) + 540) % 360) - 180;
        const commanded = (actions_TA[t * 6 + 2] ?? 0) * 45;
        // The command is clipped to 45 degrees; the angle is stored with one digit.
        if (Math.abs(commanded) < 45) expect(Math.abs(turned - commanded)).toBeLessThan(0.15);
      }
    }
  });

  it("have videos as long as their actions (four of them; `checkRecording` of all is what `data check` runs)", async () => {
    const recording = await openRecording(join(bundled, "doom-e1m2"));
    expect(await checkRecording({ ...recording, episodes: recording.episodes.slice(3, 7) })).toEqual([]);
  });
});
