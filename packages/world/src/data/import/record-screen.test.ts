// Recording a screen of X: what is shown and the key that is pressed with it belong to the same frames. Skipped without Xvfb (Debian: xvfb).
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkRecording, openRecording, readClip } from "../recording.js";
import { recordClip } from "./record.js";

const withoutScreen =
  spawnSync("Xvfb", ["-help"]).error !== undefined ||
  !spawnSync("ffmpeg", ["-hide_banner", "-devices"]).stdout?.toString().includes("x11grab");

const [WIDTH, HEIGHT, FPS] = [64, 48, 10];
let folder = "";
let server: ChildProcess | undefined;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "vid2world-screen-"))));
afterEach(async () => {
  if (server?.exitCode === null) {
    server.kill();
    await once(server, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a display of its own; its memory is a file, so that anything can be shown without a program that draws. */
async function startDisplay(): Promise<{ display: string; show: (level: number) => void }> {
  const screen = ["-screen", "0", `${WIDTH}x${HEIGHT}x24`, "-fbdir", folder, "-nolisten", "tcp", "-displayfd", "3"];
  server = spawn("Xvfb", screen, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = (await once(server.stdio[3] as NodeJS.ReadableStream, "data")) as [Buffer];
  const memory = join(folder, "Xvfb_screen0");
  const file = openSync(memory, "r+");
  const bytes = WIDTH * HEIGHT * 4;
  const show = (level: number): void => {
    writeSync(file, Buffer.alloc(bytes, level), 0, bytes, statSync(memory).size - bytes);
  };
  return { display: `:${number.toString().trim()}`, show };
}

test.skipIf(withoutScreen)("a key that brightens the screen is in the row before the bright frame", async () => {
  const { display, show } = await startDisplay();
  const mapping = join(folder, "mapping.yaml");
  writeFileSync(
    mapping,
    `name: screen\nlicence: CC0-1.0\nsource: test\nfps: ${FPS}\nwidth: ${WIDTH}\nheight: ${HEIGHT}\nchannels:
  - { name: forward, kind: binary, keys: { KeyW: 1 } }\n`,
  );
  const events = new PassThrough();
  const press = (type: "keydown" | "keyup", level: number): void => {
    events.write(`${JSON.stringify({ type, code: "KeyW" })}\n`);
    show(level);
  };
  const onStart = (): void => {
    setTimeout(() => press("keydown", 200), 700);
    setTimeout(() => press("keyup", 20), 1500);
    setTimeout(() => events.end(), 2200);
  };
  show(20);
  const source = ["-f", "x11grab", "-framerate", "60", "-video_size", `${WIDTH}x${HEIGHT}`, "-i", display];
  const output = join(folder, "out");
  const report = await recordClip({ source, events, mapping, output, name: "live", onStart });
  const recording = await openRecording(output);
  expect(await checkRecording(recording)).toEqual([]);
  const { frames_THWC, actions_TA } = await readClip(recording.episodes[0] as never);
  const bright = Array.from({ length: report.frames }, (_, t) => (frames_THWC[t * WIDTH * HEIGHT * 3] ?? 0) > 100);
  const held = [...actions_TA].map((value) => value === 1);
  const [shown, pressed] = [bright.indexOf(true), held.indexOf(true)];
  expect(shown).toBeGreaterThan(0);
  expect([...new Set(bright.slice(shown, bright.lastIndexOf(true)))]).toEqual([true]);
  // Row t is about the time from frame t to t + 1: pressed within row t, the next frame is bright. A frame of 100 ms may be off on a busy machine.
  expect(Math.abs(shown - (pressed + 1)), `bright from frame ${shown}, held from row ${pressed}`).toBeLessThanOrEqual(
    1,
  );
  const raw = readFileSync(join(output, "raw/live.events.jsonl"), "utf8").trim().split("\n");
  expect(raw).toHaveLength(2);
});
