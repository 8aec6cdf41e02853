// When the frames of a video are shown, and where they are not evenly spaced: dropped frames, variable rates.
import { FormatError, toolOutput } from "@vid2world/formats";

/** Seconds at which the frames of a video are shown, rising; empty if the file has no times. */
export async function frameTimes(file: string): Promise<number[]> {
  const what = ["-select_streams", "v:0", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"];
  const { code, reason, text } = await toolOutput("ffprobe", ["-v", "error", ...what, "-i", `file:${file}`]);
  if (code !== 0) throw new FormatError(file, `not a readable video: ${reason}`);
  const rows = text.split("\n").map((line) => line.split(","));
  const times = rows.filter(([time, flags = ""]) => time && !flags.includes("D")).map(([time]) => Number(time));
  return times.some(Number.isNaN) ? [] : times.sort((a, b) => a - b);
}

/** A frame that is not shown 1 / fps seconds after the one before it. */
export interface Irregularity {
  readonly frame: number;
  /** Seconds since the frame before it. */
  readonly gap: number;
}

/** Frames that come too early or late by more than a quarter of a frame, or 2 ms (containers round times). */
export function irregularities(times: readonly number[], fps: number): Irregularity[] {
  const found: Irregularity[] = [];
  for (let frame = 1; frame < times.length; frame++) {
    const gap = (times[frame] ?? 0) - (times[frame - 1] ?? 0);
    if (Math.abs(gap - 1 / fps) > Math.max(0.25 / fps, 0.002)) found.push({ frame, gap });
  }
  return found;
}
