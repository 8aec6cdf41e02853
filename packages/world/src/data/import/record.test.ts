// Recording from a test picture of ffmpeg with events from a stream: one clock for both, and a clip that opens.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkRecording, openRecording } from "../recording.js";
import { frameTimes } from "./frame-times.js";
import { recordClip } from "./record.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vid2world-record-"));
  writeFileSync(
    join(folder, "mapping.yaml"),
    `name: live\nlicence: CC0-1.0\nsource: test\nfps: 10\nwidth: 32\nheight: 24\nchannels:
  - { name: forward, kind: continuous, range: [-1, 1], keys: { KeyW: 1 } }\n`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = (events: PassThrough) => ({
  source: ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=20,realtime"],
  events,
  mapping: join(folder, "mapping.yaml"),
  output: join(folder, "out"),
  name: "live",
});

test("a key that is held for a while is in the rows of these frames, by the wall clock", async () => {
  const events = new PassThrough();
  const sent: number[] = [];
  const send = (type: string): void => {
    sent.push(Date.now() / 1000);
    events.write(`${JSON.stringify({ type, code: "KeyW" })}\n`);
  };
  const onStart = (): void => {
    setTimeout(() => send("keydown"), 600);
    setTimeout(() => send("keyup"), 1300);
    setTimeout(() => events.end(), 2000);
  };
  const report = await recordClip({ ...options(events), onStart });
  const recording = await openRecording(join(folder, "out"));
  expect(await checkRecording(recording)).toEqual([]);
  const [first = 0] = await frameTimes(join(folder, "out/raw/live.mkv"));
  const [down = 0, up = 0] = sent.map((time) => (time - first) * 10); // in frames of the recording
  const rows = recording.episodes[0]?.actions_TA ?? new Float32Array(0);
  expect(rows).toHaveLength(report.frames);
  rows.forEach((value, t) => {
    const held = Math.max(0, Math.min(t + 1, up) - Math.max(t, down));
    expect(Math.abs(value - held), `frame ${t}`).toBeLessThan(0.5); // events take a few milliseconds to arrive
  });
  expect(rows.reduce((sum, value) => sum + value, 0)).toBeCloseTo(up - down, 0);
});

test("a wrong event or a source that is not there ends the recording with the reason, and no clip is made", async () => {
  const events = new PassThrough();
  const onStart = (): void => void events.write('{"type": "keydwn", "code": "KeyW"}\n');
  await expect(recordClip({ ...options(events), onStart })).rejects.toThrow(
    /events: line 1: no event: type: .*keydown.*; what was recorded until then is .*\.mkv/,
  );
  const nothing = { ...options(new PassThrough()), source: ["-f", "lavfi", "-i", "nonsense"], name: "other" };
  await expect(recordClip(nothing)).rejects.toThrow(/could not be recorded/);
  expect(readdirSync(join(folder, "out"))).toEqual(["raw"]);
});

test("a time limit ends it, and a second clip joins only a recording with the same channels", async () => {
  const report = await recordClip({ ...options(new PassThrough()), seconds: 0.8 });
  expect(report.frames).toBeGreaterThan(2);
  writeFileSync(
    join(folder, "mapping.yaml"),
    readFileSync(join(folder, "mapping.yaml"), "utf8").replace("KeyW", "KeyS"),
  );
  await expect(recordClip({ ...options(new PassThrough()), name: "b" })).rejects.toThrow(
    /the channels of the recording that is in/,
  );
});

test("events that end before the first frame hold for the frames that follow", async () => {
  const events = new PassThrough();
  events.end('{"type": "keydown", "code": "KeyW"}\n');
  await recordClip(options(events));
  const recording = await openRecording(join(folder, "out"));
  expect(new Set(recording.episodes[0]?.actions_TA)).toEqual(new Set([1]));
});
