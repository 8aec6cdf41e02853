// Writes RGB frames as mp4 (H.264) by ffmpeg over a pipe. A file under its final name is always whole.
import { once } from "node:events";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Writable } from "node:stream";
import { FormatError, invalid } from "./errors.js";
import { startTool } from "./ffmpeg.js";

/** Picture size, rate and quality of a video to write. */
export interface WriteVideoOptions {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Exact RGB (H.264 High 4:4:4, which browsers do not play) instead of 4:2:0. Default false. */
  readonly lossless?: boolean;
  /** H.264 constant rate factor, 0 (best) to 51; without meaning for lossless files. Default 18. */
  readonly crf?: number;
  /** x264 preset, from "ultrafast" to "veryslow". Default "medium". */
  readonly preset?: string;
}

/** Frames [H W 3] uint8, in order. */
export type FrameSource = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Encodes frames to an mp4 file under a temporary name, then renames it. Returns the number of frames written. */
export async function writeVideo(file: string, frames: FrameSource, options: WriteVideoOptions): Promise<number> {
  checkOptions(options);
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.${Date.now().toString(36)}.tmp`;
  try {
    const count = await encode(temporary, file, frames, options);
    await rename(temporary, file);
    return count;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function encode(
  temporary: string,
  file: string,
  frames: FrameSource,
  options: WriteVideoOptions,
): Promise<number> {
  const { width, height, fps } = options;
  const input = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-r", String(fps), "-i", "pipe:0"];
  const output = [...codecArguments(options), "-movflags", "+faststart", "-f", "mp4", "-y", `file:${temporary}`];
  const encoder = startTool("ffmpeg", ["-v", "error", ...input, ...output]);
  encoder.stdout.resume();
  let count = 0;
  let over = false;
  void encoder.ended.catch(() => undefined).then(() => (over = true));
  try {
    for await (const frame of frames) {
      if (frame.length !== width * height * 3) {
        throw invalid(
          `frame ${count}`,
          `${width * height * 3} bytes (${width}x${height} rgb24)`,
          `${frame.length} bytes`,
        );
      }
      if (over) break;
      // A copy: the caller may use its buffer again while the pipe is still being emptied.
      if (!encoder.stdin.write(Buffer.from(frame))) await Promise.race([drained(encoder.stdin), encoder.ended]);
      count++;
    }
    encoder.stdin.end();
    const { code, reason } = await encoder.ended;
    if (code !== 0) throw new FormatError(file, `the video could not be encoded: ${reason}`);
    if (count === 0) throw invalid("frames", "at least one frame", "none");
    return count;
  } finally {
    encoder.stop();
  }
}

/** Resolves when the pipe takes more, and also when it broke: then the encoder's own end tells why. */
async function drained(pipe: Writable): Promise<void> {
  await once(pipe, "drain").catch(() => undefined);
}

function codecArguments({ lossless = false, crf = 18, preset = "medium" }: WriteVideoOptions): string[] {
  if (lossless) return ["-c:v", "libx264rgb", "-preset", preset, "-qp", "0", "-pix_fmt", "rgb24"];
  // Untagged video is BT.601 to ffmpeg and BT.709 to browsers. Tagged, both show the same colours.
  const matrix = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-color_range", "tv"];
  const tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];
  return ["-c:v", "libx264", "-preset", preset, "-crf", String(crf), "-pix_fmt", "yuv420p", ...matrix, ...tags];
}

function checkOptions({ width, height, fps, lossless = false }: WriteVideoOptions): void {
  const even = lossless || (width % 2 === 0 && height % 2 === 0);
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1 || !even) {
    throw invalid(
      "width, height",
      "positive whole numbers, even unless lossless (4:2:0 colour)",
      `${width}, ${height}`,
    );
  }
  if (!(fps > 0) || !Number.isFinite(fps)) throw invalid("fps", "a positive number", fps);
}
