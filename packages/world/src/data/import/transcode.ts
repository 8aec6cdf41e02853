// Brings a video, or a part of one, to the frame rate and size of a recording, by ffmpeg.
import { rename, rm } from "node:fs/promises";
import { FormatError, probeVideo, startTool, type VideoInfo } from "@vid2world/formats";

/** What the result shall be. */
export interface TranscodeOptions {
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  /** How the picture fits another shape: `stretch` it, `crop` what is too much, or `pad` with black. Default "crop". */
  readonly fit?: "stretch" | "crop" | "pad";
  /** Part of the video, seconds from its beginning. Default: all. */
  readonly start?: number;
  /** Exact number of frames to make. Default: as many as the duration gives. */
  readonly frames?: number;
  /** H.264 rate factor, 0 (best) to 51. Default 18. */
  readonly crf?: number;
  readonly signal?: AbortSignal;
}

/**
 * Makes an mp4 with one frame every 1 / fps seconds, each the one shown at that time in the source, whatever the source's
 * own rate, also a variable one. Written under a temporary name, then renamed. Returns what was made.
 */
export async function transcodeVideo(from: string, to: string, options: TranscodeOptions): Promise<VideoInfo> {
  const { fps, start = 0, frames, crf = 18, signal } = options;
  signal?.throwIfAborted();
  const temporary = `${to}.${process.pid}.tmp`;
  // A millisecond early, so that rounding of times cannot skip the first frame. Then all times are moved by 1.5 ms, so that
  // a frame whose time was rounded up (Matroska knows whole milliseconds) still counts as shown at its own tick.
  const seek = start > 0 ? ["-ss", Math.max(0, start - 1e-3).toFixed(6)] : [];
  const rate = `settb=1/1000000,setpts=PTS-1500,fps=${fps}:start_time=0:round=up`;
  const filter = `${rate},${scaling(options)},scale=out_color_matrix=bt709:out_range=tv`;
  const count = frames === undefined ? [] : ["-frames:v", String(frames)];
  const tags = ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];
  const codec = ["-c:v", "libx264", "-preset", "medium", "-crf", String(crf), "-pix_fmt", "yuv420p", ...tags];
  const output = ["-map", "0:v:0", "-vf", filter, ...count, ...codec, "-movflags", "+faststart", "-f", "mp4", "-y"];
  const encoder = startTool("ffmpeg", [
    "-v",
    "error",
    "-xerror",
    ...seek,
    "-i",
    `file:${from}`,
    ...output,
    `file:${temporary}`,
  ]);
  encoder.stdin.end();
  encoder.stdout.resume();
  signal?.addEventListener("abort", encoder.stop, { once: true });
  try {
    const { code, reason } = await encoder.ended;
    signal?.throwIfAborted();
    if (code !== 0) throw new FormatError(from, `could not be converted: ${reason || "ffmpeg was stopped"}`);
    const made = await probeVideo(temporary).catch((cause: Error) => {
      throw new FormatError(from, `no frame of it could be converted (${cause.message})`);
    });
    if (frames !== undefined && made.frames !== frames) {
      throw new FormatError(from, `${made.frames} frames from second ${start} on; ${frames} are needed`);
    }
    await rename(temporary, to);
    return made;
  } finally {
    signal?.removeEventListener("abort", encoder.stop);
    encoder.stop();
    await rm(temporary, { force: true });
  }
}

function scaling({ width, height, fit = "crop" }: TranscodeOptions): string {
  const size = `${width}:${height}`;
  if (fit === "stretch") return `scale=${size}`;
  if (fit === "crop") return `scale=${size}:force_original_aspect_ratio=increase,crop=${size}`;
  return `scale=${size}:force_original_aspect_ratio=decrease,pad=${size}:-1:-1`;
}
