// The history of a run, from metrics.jsonl: what every step measured, in which parts it ran, and what happened on the way. Steps that a
// resumed part did again count once, as it did them.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "@vid2world/formats";

/** A line of metrics.jsonl: metrics under their own names. */
export type HistoryLine = Readonly<Record<string, unknown>> & { readonly time: number; readonly type: string };

/** A stretch of a run between two interruptions. */
export interface RunPart {
  /** Seconds since 1970. */
  readonly began: number;
  readonly ended: number;
  readonly firstStep: number;
  readonly lastStep: number;
  /** Steps of the part before it that it had to do again. */
  readonly redone: number;
  readonly ending: "finished" | "interrupted" | "failed" | "no end recorded";
  /** Why it failed. */
  readonly reason?: string;
  /** Its start event, with versions and machine; absent in histories of versions that did not write one. */
  readonly start?: HistoryLine;
}

/** Everything that a run recorded. */
export interface RunHistory {
  readonly parts: readonly RunPart[];
  /** Reports, in the order of their steps. */
  readonly progress: readonly HistoryLine[];
  readonly validations: readonly HistoryLine[];
  /** Events that name the videos of a validation. */
  readonly samples: readonly HistoryLine[];
  /** Warnings, failures, and steps that were left out, all of them. */
  readonly incidents: readonly HistoryLine[];
}

/**
 * Reads the history of the run in `folder`. A last line that is not finished is left out: the run may still be writing it. One that was cut
 * when a machine went down is left out too, and counts as an incident.
 */
export async function readHistory(folder: string): Promise<RunHistory> {
  const file = path.join(folder, "metrics.jsonl");
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT" && cause.code !== "ENOTDIR") throw cause;
    throw new FormatError(file, "missing: the folder holds no run, or one that has not begun to train", undefined, {
      cause,
    });
  });
  return historyOf(linesOf(text, file));
}

function linesOf(text: string, file: string): HistoryLine[] {
  const lines = text.split("\n");
  const unfinished = lines.pop(); // empty, unless the last line was cut
  let offset = 0;
  let time = 0;
  const parsed = lines.flatMap((line) => {
    const at = offset;
    offset += Buffer.byteLength(line) + 1;
    if (line.trim() === "") return [];
    try {
      const read = JSON.parse(line) as HistoryLine;
      ({ time } = read);
      return [read];
    } catch {
      const message = `${path.basename(file)} at byte ${at}: a line that is no JSON is left out; it was cut when it was written`;
      return [{ type: "warning", time, message }];
    }
  });
  if (parsed.length === 0 && unfinished === "")
    throw new FormatError(file, "empty: the run has not recorded anything yet");
  return parsed;
}

/** Sorts lines into parts; see {@link RunHistory}. */
export function historyOf(lines: readonly HistoryLine[]): RunHistory {
  const parts: MutablePart[] = [];
  const incidents: HistoryLine[] = [];
  let measured: HistoryLine[] = [];
  let highest = 0;
  let fresh = false;
  const part = (line: HistoryLine): MutablePart => parts.at(-1) ?? begin(line);
  const begin = (line: HistoryLine): MutablePart => {
    const begun: MutablePart = {
      began: line.time,
      ended: line.time,
      firstStep: 0,
      lastStep: 0,
      redone: 0,
      ending: "no end recorded",
    };
    parts.push(begun);
    return begun;
  };
  /** What was measured beyond `step` was undone. */
  const goBack = (line: HistoryLine, step: number): void => {
    const current = part(line);
    current.redone = Math.max(0, highest - step);
    [current.firstStep, current.lastStep, highest] = [step, step, step];
    measured = measured.filter((each) => stepOf(each) <= step);
  };

  for (const line of lines) {
    const measures = line.type === "progress" || line.type === "validation" || line.type === "samples";
    if (line.type === "start") {
      begin(line).start = line;
      fresh = true;
    } else if (line.type === "resumed") {
      const last = parts.at(-1);
      if (last && (last.lastStep > last.firstStep || last.ending !== "no end recorded")) begin(line);
      goBack(line, stepOf(line));
      fresh = false;
    } else if (measures && fresh) {
      // No checkpoint was gone on with: everything began anew.
      if (highest > 0) goBack(line, 0);
      fresh = false;
    }
    const current = part(line);
    current.ended = line.time;
    const step = stepOf(line);
    if (step > current.lastStep) current.lastStep = step;
    highest = Math.max(highest, current.lastStep);
    if (line.type === "end") current.ending = line["finished"] === true ? "finished" : "interrupted";
    if (line.type === "failed") [current.ending, current.reason] = ["failed", String(line["message"])];
    if (measures) measured.push(line);
    if (line.type === "warning" || line.type === "failed" || line.type === "unstable") incidents.push(line);
  }
  const of = (type: string): HistoryLine[] =>
    measured.filter((line) => line.type === type).sort((a, b) => stepOf(a) - stepOf(b));
  return { parts, incidents, progress: of("progress"), validations: of("validation"), samples: of("samples") };
}

type MutablePart = { -readonly [Key in keyof RunPart]: RunPart[Key] };

/** The step of a line; 0 where it has none. */
export function stepOf(line: HistoryLine): number {
  return typeof line["step"] === "number" ? line["step"] : 0;
}
