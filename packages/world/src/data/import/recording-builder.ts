// Builds a recording clip by clip from anything: goes on past what is broken, skips what is done, writes the header last.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import type { Channel } from "../action-space.js";
import { HEADER_FILE, type ClipFile } from "../recording-format.js";
import { removeStale } from "../stale-files.js";
import { writeClipFile, writeHeader, type HeaderInput } from "../recording-writer.js";

/** A clip to be made. */
export interface ClipPlan {
  /** Name of the clip's files. */
  readonly name: string;
  /** Writes the pictures to `path` (of an .mp4 file) and returns what belongs beside them. */
  readonly make: (path: string) => Promise<ClipFile>;
}

/** How an import is run. */
export interface ImportOptions {
  /** Throw at the first problem instead of going on. Default false. */
  readonly strict?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** How an import ended. */
export interface ImportReport {
  readonly folder: string;
  readonly written: number;
  /** Were there already. */
  readonly skipped: number;
  /** Frames written. */
  readonly frames: number;
  /** One per clip that could not be imported. */
  readonly problems: readonly FormatError[];
  /** What was done to the data that its owner may want to know. */
  readonly notes: readonly string[];
}

const ACTIONS = ".actions.json";

/** Makes the clips of a recording. Killed at any time and started again, it goes on. */
export async function buildRecording(
  folder: string,
  header: HeaderInput & { readonly channels: readonly Channel[] },
  plans: readonly ClipPlan[],
  { strict = false, signal, onProgress }: ImportOptions,
  notes: readonly string[] = [],
): Promise<ImportReport> {
  await mkdir(folder, { recursive: true });
  const there = new Set(await removeStale(folder));
  const report = { folder, written: 0, skipped: 0, frames: 0, problems: [] as FormatError[], notes };
  for (const [i, plan] of plans.entries()) {
    signal?.throwIfAborted();
    if (there.has(`${plan.name}${ACTIONS}`)) {
      report.skipped++;
    } else {
      try {
        const clip = await plan.make(join(folder, `${plan.name}.mp4`));
        await writeClipFile(folder, plan.name, clip, header.channels); // last: with it the clip exists
        report.written++;
        report.frames += clip.frames;
      } catch (error) {
        if (strict || !(error instanceof FormatError)) throw error;
        report.problems.push(error);
      }
    }
    onProgress?.({ done: i + 1, total: plans.length });
  }
  if (report.written > 0 || !there.has(HEADER_FILE)) {
    if (report.written + report.skipped > 0) await writeHeader(folder, header);
  }
  return report;
}

/** Every n-th clip is for validation, the last of its group, so that a single clip is trained on. */
export function splitOf(index: number, validationEvery: number): "train" | "val" {
  return validationEvery > 0 && index % validationEvery === validationEvery - 1 ? "val" : "train";
}
