// The run's numbers: one JSON object per line in metrics.jsonl. Lines are appended whole, so a killed run leaves a readable file.
import type { TrainingEvent } from "../events.js";
import { appendJsonLine } from "./json-line.js";
import { redactor } from "./redact.js";
import type { Sink } from "./sink.js";

/** A sink that appends every event but preparation to `file`, with the time in seconds since 1970. */
export function metricsLog(file: string, now: () => number = Date.now): Sink {
  const redact = redactor();
  return {
    name: "metrics.jsonl",
    receive(event) {
      if (event.type !== "prepare") appendJsonLine(file, { time: now() / 1000, ...(redact(flat(event)) as object) });
    },
  };
}

/** Metrics become entries of the line itself, so that `jq .loss` and table readers see them; of videos only the files are named. */
function flat(event: TrainingEvent): object {
  if (event.type === "samples") {
    const { samples, ...rest } = event;
    return { ...rest, files: samples.map(({ file }) => file) };
  }
  if (!("metrics" in event)) return event;
  const { metrics, ...rest } = event;
  return { ...rest, ...metrics };
}
