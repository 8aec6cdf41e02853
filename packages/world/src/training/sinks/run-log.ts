// What happened in a run, for people and for log collectors: one JSON object per line in log.jsonl, each with time, level and event.
import type { TrainingEvent } from "../events.js";
import { appendJsonLine } from "./json-line.js";
import { redactor } from "./redact.js";
import type { Sink } from "./sink.js";

/** How much attention a line asks for. */
export type LogLevel = "info" | "warn" | "error";

/**
 * A sink that appends what happens to `file`: starts and ends, checkpoints, validations, warnings, failures; the numbers of every report are in
 * metrics.jsonl. Times are ISO 8601 in UTC.
 */
export function runLog(file: string, now: () => number = Date.now): Sink {
  const redact = redactor();
  return {
    name: "log.jsonl",
    receive(event) {
      const details = detailsOf(event);
      if (!details) return;
      const time = new Date(now()).toISOString();
      appendJsonLine(file, { time, level: levelOf(event), event: event.type, ...(redact(details) as object) });
    },
  };
}

function levelOf({ type }: TrainingEvent): LogLevel {
  return type === "failed" ? "error" : type === "warning" || type === "unstable" ? "warn" : "info";
}

/** The event without its type; undefined for what is no event of note. */
function detailsOf(event: TrainingEvent): object | undefined {
  if (event.type === "progress" || (event.type === "prepare" && event.done < event.total)) return undefined;
  if (event.type === "samples") return { step: event.step, files: event.samples.map(({ file }) => file) };
  return Object.fromEntries(Object.entries(event).filter(([name]) => name !== "type"));
}
