import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { decodeVideo, probeVideo, readVideo, readVideoInto } from "./video.js";
import { writeVideo } from "./video-writer.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-video-"));
afterAll(() => rmSync(folder, { recursive: true }));

const WIDTH = 32;
const HEIGHT = 16;
const FRAME = WIDTH * HEIGHT * 3;

/** Frame t of a deterministic noise video. */
function noise(t: number): Uint8Array {
  return Uint8Array.from({ length: FRAME }, (_, i) => ((i + 1) * (t + 7) * 2654435761) >>> 24);
}

function ffmpeg(...args: string[]): string {
  const file = join(folder, args.pop() ?? "");
  execFileSync("ffmpeg", ["-v", "error", "-y", ...args, file]);
  return file;
}

describe("writing and reading", () => {
  it("returns every byte of a lossless video", async () => {
    const file = join(folder, "lossless.mp4");
    const frames = Array.from({ length: 9 }, (_, t) => noise(t));
    expect(await writeVideo(file, frames, { width: WIDTH, height: HEIGHT, fps: 8.75, lossless: true })).toBe(9);
    const video = await readVideo(file);
    expect(video).toMatchObject({ width: WIDTH, height: HEIGHT, fps: 8.75, frames: 9 });
    expect(Buffer.compare(video.frames_THWC, Buffer.concat(frames))).toBe(0);
  });

  it("accepts an async source that uses one buffer again and again", async () => {
    const file = join(folder, "reused.mp4");
    async function* source(): AsyncGenerator<Uint8Array> {
      const buffer = new Uint8Array(FRAME);
      for (let t = 0; t < 40; t++) {
        buffer.set(noise(t));
        yield await Promise.resolve(buffer);
      }
    }
    await writeVideo(file, source(), { width: WIDTH, height: HEIGHT, fps: 10, lossless: true });
    const { frames_THWC } = await readVideo(file);
    expect(Buffer.compare(frames_THWC.subarray(39 * FRAME), noise(39))).toBe(0);
  });

  it("keeps colours through the BT.709 tags of a 4:2:0 video", async () => {
    const file = join(folder, "tagged.mp4");
    const colour = [200, 40, 90];
    const frame = Uint8Array.from({ length: FRAME }, (_, i) => colour[i % 3] ?? 0);
    await writeVideo(file, [frame, frame], { width: WIDTH, height: HEIGHT, fps: 10, crf: 5 });
    const { frames_THWC } = await readVideo(file);
    const worst = frames_THWC.reduce((most, value, i) => Math.max(most, Math.abs(value - (colour[i % 3] ?? 0))), 0);
    expect(worst).toBeLessThanOrEqual(3);
  });

  it("leaves neither a final nor a temporary file when the source fails", async () => {
    function* source(): Generator<Uint8Array> {
      yield noise(0);
      throw new Error("camera unplugged");
    }
    const file = join(folder, "failed.mp4");
    await expect(writeVideo(file, source(), { width: WIDTH, height: HEIGHT, fps: 10 })).rejects.toThrow("unplugged");
    expect(readdirSync(folder).filter((name) => name.startsWith("failed"))).toEqual([]);
  });

  it("refuses a frame of another size and names it", async () => {
    const sizes = { width: WIDTH, height: HEIGHT, fps: 10 };
    const frames = [noise(0), new Uint8Array(5)];
    await expect(writeVideo(join(folder, "size.mp4"), frames, sizes)).rejects.toThrow(/frame 1: expected 1536 bytes/);
  });
});

describe("frame ranges", () => {
  const whole = async (file: string): Promise<Uint8Array[]> => {
    const frames: Uint8Array[] = [];
    for await (const frame of decodeVideo(file)) frames.push(frame);
    return frames;
  };

  it.each([
    ["constant rate with B frames", ["-bf", "2", "-g", "12"]],
    ["variable rate", ["-vf", "select=not(eq(mod(n\\,5)\\,2))", "-fps_mode", "vfr", "-bf", "2", "-g", "7"]],
  ])("equal the same frames of the whole video: %s", async (name, options) => {
    const file = ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x16:r=10:d=5", ...options, `range ${name}.mp4`);
    const frames = await whole(file);
    expect(frames.length).toBe((await probeVideo(file)).frames);
    for (const [start, end] of [
      [0, 3],
      [1, 2],
      [11, 14],
      [12, 13],
      [25, frames.length],
    ] as const) {
      const { frames_THWC } = await readVideo(file, { start, end });
      expect(Buffer.compare(frames_THWC, Buffer.concat(frames.slice(start, end)))).toBe(0);
    }
  });

  it("can be read into shared memory, and a buffer of another size is refused", async () => {
    const file = ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x16:r=10:d=1", "shared.mp4");
    const target = new Uint8Array(new SharedArrayBuffer(4 * FRAME));
    await readVideoInto(file, target, { start: 2, end: 6, threads: 1 });
    expect(Buffer.compare(target, (await readVideo(file, { start: 2, end: 6 })).frames_THWC)).toBe(0);
    await expect(readVideoInto(file, target)).rejects.toThrow(/shared.mp4: frames 0 to 10 of 32x16/);
  });

  it("outside of the video are refused", async () => {
    const file = ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x16:r=10:d=1", "short.mp4");
    await expect(readVideo(file, { end: 11 })).rejects.toThrow(/0 <= start < end <= 10/);
  });

  it("stop at once when the reader has had enough or its signal is aborted", async () => {
    const file = ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x16:r=10:d=60", "long.mp4");
    for await (const frame of decodeVideo(file)) {
      expect(frame.length).toBe(FRAME);
      break;
    }
    const abort = new AbortController();
    abort.abort(new Error("enough"));
    await expect(readVideo(file, { signal: abort.signal })).rejects.toThrow("enough");
  });
});

describe("damaged files", () => {
  it("cut short are named with what is missing", async () => {
    const file = ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=6", "-movflags", "+faststart", "cut.mp4");
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    await expect(readVideo(file)).rejects.toThrow(
      /cut.mp4: cut short: its header announces 60 frames, but \d+ are there/,
    );
  });

  it("with broken pictures are named with ffmpeg's reason", async () => {
    const file = ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=6", "-movflags", "+faststart", "broken.mp4");
    const bytes = readFileSync(file);
    bytes.fill(0xa5, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 300);
    writeFileSync(file, bytes);
    await expect(readVideo(file)).rejects.toThrow(/broken.mp4: damaged: .* \(ffmpeg: .+\)/);
  });

  it("that are no video, or do not exist, are named", async () => {
    const file = join(folder, "text.mp4");
    writeFileSync(file, "not a video");
    await expect(probeVideo(file)).rejects.toThrow(/text.mp4: not a readable video: .+/);
    await expect(probeVideo(join(folder, "none.mp4"))).rejects.toThrow(
      /none.mp4: not a readable video: .*No such file/,
    );
  });

  it("a missing ffprobe says how to get it", async () => {
    process.env["FFPROBE"] = "/nowhere/ffprobe";
    try {
      await expect(probeVideo("x.mp4")).rejects.toThrow(
        /\/nowhere\/ffprobe: could not be started .*apt-get install ffmpeg/,
      );
    } finally {
      delete process.env["FFPROBE"];
    }
  });
});
