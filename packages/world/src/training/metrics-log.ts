// The run's diary: one JSON object per line in metrics.jsonl. Lines are appended whole, so a killed run leaves a readable file.
import { appendFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import type { TrainingEvent, TrainingListener } from "./events.js";

/** A listener that appends every event but preparation to `file`, with the time in seconds since 1970. */
export function metricsLog(file: string, now: () => number = Date.now): TrainingListener {
  mkdirSync(path.dirname(file), { recursive: true });
  return (event) => {
    if (event.type === "prepare") return;
    appendFileSync(file, `${JSON.stringify({ time: now() / 1000, ...flat(event) })}\n`);
  };
}

/** Metrics become entries of the line itself, so that `jq .loss` and table readers see them. */
function flat(event: TrainingEvent): object {
  if (!("metrics" in event)) return event;
  const { metrics, ...rest } = event;
  return { ...rest, ...metrics };
}
