// Reads video files as exact RGB frames, by ffmpeg over a pipe. Writing is video-writer.ts.
//   T frames, H rows, W columns, C = 3 (red, green, blue), all uint8
import { FormatError, invalid } from "./errors.js";
import { startTool, toolOutput } from "./ffmpeg.js";

/** What a video holds: picture size as displayed, average frames per second, number of frames. */
export interface VideoInfo {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly frames: number;
}

/** Which frames to read: `start` (default 0) up to but not including `end` (default: the last frame is included). */
export interface ReadVideoOptions {
  readonly start?: number;
  readonly end?: number;
  /** Decoder threads; 0 (the default) leaves it to ffmpeg. */
  readonly threads?: number;
  /** What another file (`by`) says that the whole video is; a FormatError names both if it is not. */
  readonly expect?: { readonly width: number; readonly height: number; readonly frames: number; readonly by: string };
  /** Stops the decoder; the read rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Frames in memory. */
export interface VideoFrames extends VideoInfo {
  readonly frames_THWC: Uint8Array;
}

/** Size, rate and exact number of frames of a video, without decoding it. Throws FormatError if it is damaged or cut short. */
export async function probeVideo(file: string): Promise<VideoInfo> {
  const { width, height, fps, frames } = await inspect(file);
  return { width, height, fps, frames };
}

/** Reads frames one after the other, each a new [H W 3] array. Stopping the iteration stops the decoder. */
export async function* decodeVideo(file: string, options: ReadVideoOptions = {}): AsyncGenerator<Uint8Array, void> {
  const index = await inspectExpected(file, options);
  const frameBytes = index.width * index.height * 3;
  let frame = new Uint8Array(frameBytes);
  let filled = 0;
  for await (const chunk of decodeBytes(file, index, options)) {
    for (let read = 0; read < chunk.length;) {
      const count = Math.min(frameBytes - filled, chunk.length - read);
      frame.set(chunk.subarray(read, read + count), filled);
      filled += count;
      read += count;
      if (filled < frameBytes) continue;
      yield frame;
      frame = new Uint8Array(frameBytes);
      filled = 0;
    }
  }
}

/** Reads a range of frames (default: all) into one array. */
export async function readVideo(file: string, options: ReadVideoOptions = {}): Promise<VideoFrames> {
  const index = await inspectExpected(file, options);
  const { start, end } = checkedRange(index, options);
  const frames_THWC = new Uint8Array((end - start) * index.width * index.height * 3);
  await fill(file, index, frames_THWC, options);
  return { frames_THWC, width: index.width, height: index.height, fps: index.fps, frames: end - start };
}

/** Reads frames from `start` on into `target`, which may be shared memory and must be exactly as large as the frames. */
export async function readVideoInto(
  file: string,
  target: Uint8Array,
  options: ReadVideoOptions = {},
): Promise<VideoInfo> {
  const index = await inspectExpected(file, options);
  const { start, end } = checkedRange(index, options);
  const bytes = (end - start) * index.width * index.height * 3;
  if (bytes !== target.length) {
    throw new FormatError(
      file,
      `frames ${start} to ${end} of ${index.width}x${index.height} are ${bytes} bytes, but the caller expects ${target.length}`,
    );
  }
  await fill(file, index, target, options);
  return { width: index.width, height: index.height, fps: index.fps, frames: end - start };
}

async function fill(file: string, index: VideoIndex, target: Uint8Array, options: ReadVideoOptions): Promise<void> {
  let offset = 0;
  for await (const chunk of decodeBytes(file, index, options)) {
    target.set(chunk, offset);
    offset += chunk.length;
  }
}

/** A video's frames in display order: `times` in seconds from the beginning of the file, undefined if it has none. */
interface VideoIndex extends VideoInfo {
  readonly times: Float64Array | undefined;
}

interface ProbeReport {
  readonly packets?: readonly { readonly pts_time?: string; readonly flags?: string }[];
  readonly streams?: readonly {
    readonly width: number;
    readonly height: number;
    readonly avg_frame_rate: string;
    readonly nb_frames?: string;
    readonly side_data_list?: readonly { readonly rotation?: number }[];
  }[];
  readonly format?: { readonly start_time?: string };
}

async function inspect(file: string): Promise<VideoIndex> {
  const entries =
    "packet=pts_time,flags:stream=width,height,avg_frame_rate,nb_frames:stream_side_data=rotation:format=start_time";
  const args = ["-v", "error", "-select_streams", "v:0", "-show_packets", "-show_entries", entries, "-of", "json"];
  const { code, reason, text } = await toolOutput("ffprobe", [...args, "-i", asInput(file)]);
  if (code !== 0) throw new FormatError(file, `not a readable video: ${reason}`);
  const report = JSON.parse(text) as ProbeReport;
  const stream = report.streams?.[0];
  if (stream === undefined) throw new FormatError(file, "no video stream in it");
  const packets = report.packets ?? [];
  if (stream.nb_frames !== undefined && Number(stream.nb_frames) !== packets.length) {
    const held = `its header announces ${stream.nb_frames} frames, but ${packets.length} are there`;
    throw new FormatError(file, `cut short: ${held}${reason === "" ? "" : ` (ffprobe: ${reason})`}`);
  }
  const shown = packets.filter((packet) => !(packet.flags ?? "").includes("D")); // D: outside of the edit list
  if (shown.length === 0) throw new FormatError(file, "its video stream has no frames");
  const origin = Number(report.format?.start_time ?? 0) || 0;
  const times = Float64Array.from(shown, (packet) => Number(packet.pts_time ?? NaN) - origin).sort();
  const quarterTurns = Math.round((stream.side_data_list?.find((data) => data.rotation)?.rotation ?? 0) / 90);
  const upright = quarterTurns % 2 === 0; // ffmpeg turns the picture as a player would
  const [numerator = 0, denominator = 1] = stream.avg_frame_rate.split("/").map(Number);
  return {
    width: upright ? stream.width : stream.height,
    height: upright ? stream.height : stream.width,
    fps: numerator / denominator,
    frames: shown.length,
    times: times.some(Number.isNaN) ? undefined : times,
  };
}

async function inspectExpected(file: string, { expect }: ReadVideoOptions): Promise<VideoIndex> {
  const index = await inspect(file);
  if (expect === undefined) return index;
  const { width, height, frames, by } = expect;
  if (index.width !== width || index.height !== height || index.frames !== frames) {
    const held = `holds ${index.frames} frames of ${index.width}x${index.height}`;
    throw new FormatError(file, `${held}, but ${by} announces ${frames} of ${width}x${height}`);
  }
  return index;
}

/** The raw rgb24 bytes of a range of frames, in pieces of any size; throws unless exactly these frames came. */
async function* decodeBytes(file: string, index: VideoIndex, options: ReadVideoOptions): AsyncGenerator<Buffer, void> {
  const { start, end } = checkedRange(index, options);
  const { threads = 0, signal } = options;
  signal?.throwIfAborted();
  const before = start > 0 && index.times !== undefined ? ["-ss", seekTime(index.times, start).toFixed(6)] : [];
  const select = start > 0 && index.times === undefined ? ["-vf", `select=gte(n\\,${start})`] : [];
  const input = ["-v", "error", "-xerror", "-threads", String(threads), ...before, "-i", asInput(file)];
  // passthrough: never doubles or drops a frame to meet a constant rate
  const limit = end < index.frames ? ["-frames:v", String(end - start)] : [];
  const output = ["-map", "0:v:0", ...select, "-fps_mode", "passthrough", ...limit];
  const decoder = startTool("ffmpeg", [...input, ...output, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]);
  decoder.stdin.end();
  signal?.addEventListener("abort", decoder.stop, { once: true });
  let bytes = 0;
  try {
    for await (const chunk of decoder.stdout) {
      bytes += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    const { code, reason, log } = await decoder.ended;
    signal?.throwIfAborted();
    const frames = bytes / (index.width * index.height * 3);
    // With a limit, ffmpeg may reach it, on concealed pictures, before -xerror stops it: then only its log tells.
    if (code !== 0 || frames !== end - start || /error while decoding|corrupt/.test(log)) {
      const got = `${Math.floor(frames)} of the ${end - start} frames from ${start} on could be decoded`;
      throw new FormatError(file, `damaged: ${got}${reason === "" ? "" : ` (ffmpeg: ${reason})`}`);
    }
  } finally {
    signal?.removeEventListener("abort", decoder.stop);
    decoder.stop();
  }
}

/** Half way between the frame wanted and the one before it, so that rounding of times can not hit the wrong one. */
function seekTime(times: Float64Array, frame: number): number {
  return ((times[frame - 1] ?? 0) + (times[frame] ?? 0)) / 2;
}

function checkedRange(index: VideoInfo, options: ReadVideoOptions): { start: number; end: number } {
  const { start = 0, end = index.frames } = options;
  const whole = Number.isInteger(start) && Number.isInteger(end);
  if (!whole || start < 0 || end > index.frames || start >= end) {
    throw invalid("start, end", `0 <= start < end <= ${index.frames} (the video's frames)`, `${start}, ${end}`);
  }
  return { start, end };
}

/** "file:" keeps ffmpeg from reading a name such as "http:x.mp4" or "-y" as something else. */
function asInput(file: string): string {
  return `file:${file}`;
}
