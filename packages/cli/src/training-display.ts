// Shows a training run's events: one line that rewrites itself on a terminal, an occasional plain line elsewhere.
import { dirname } from "node:path";
import type { TrainingEvent } from "@vid2world/world/training/events";
import { describeInstability } from "@vid2world/world/training/guard";
import { createProgress, formatDuration } from "./progress.js";
import type { Progress, ProgressOutput } from "./progress.js";

/** Receives the events of one run. */
export interface TrainingDisplay {
  readonly show: (event: TrainingEvent) => void;
  /** Ends an unfinished line. */
  close(): void;
}

interface Counter {
  readonly what: string;
  readonly total: number;
  done: number;
  readonly progress: Progress;
}

/** Whether the event counts on what the counter counts; another name, total or a fall back begins a new one. */
function goesOn(counter: Counter, event: Extract<TrainingEvent, { type: "prepare" }>): boolean {
  return counter.what === event.what && counter.total === event.total && event.done >= counter.done;
}

const PLAIN_INTERVAL_MS = 10_000;

/** A display that writes to `output`, by default standard error. */
export function createTrainingDisplay(
  output: ProgressOutput = process.stderr,
  now: () => number = () => performance.now(),
): TrainingDisplay {
  let preparing: Counter | undefined;
  let drawn = -Infinity;
  let lineOpen = false;

  const endLine = (): void => {
    preparing?.progress.finish();
    preparing = undefined;
    if (lineOpen) output.write("\n");
    lineOpen = false;
  };
  const line = (text: string): void => {
    endLine();
    output.write(`${text}\n`);
  };
  const status = (text: string, last: boolean): void => {
    if (preparing) endLine();
    if (output.isTTY === true) {
      output.write(`\r${text.slice(0, (output.columns || 80) - 1)}\x1b[K`);
      lineOpen = true;
    } else if (last || now() - drawn >= PLAIN_INTERVAL_MS) {
      drawn = now();
      output.write(`${text}\n`);
    }
  };

  const show = (event: TrainingEvent): void => {
    switch (event.type) {
      case "prepare":
        if (!preparing || !goesOn(preparing, event)) {
          endLine();
          const { what, total } = event;
          preparing = {
            what,
            total,
            done: 0,
            progress: createProgress({ label: what, total, unit: "frames", output, now }),
          };
        }
        preparing.done = event.done;
        return preparing.progress.update(event.done);
      case "progress":
        return status(progressLine(event), event.progress >= 1);
      case "warning":
        return line(`warning: ${event.message}`);
      case "samples":
        return line(
          `step ${event.step}  ${event.samples.length} ${event.samples.every(({ file }) => file.endsWith(".png")) ? "picture" : "videos"} in ${dirname(event.samples[0]?.file ?? "")}`,
        );
      case "validation":
        return line(`step ${event.step}  validation  ${metricsText(event.metrics)}`);
      case "checkpoint":
        return line(`step ${event.step}  saved ${event.file}`);
      case "unstable":
        return line(`step ${event.step}  left out: ${describeInstability(event)}${keptIn(event.file)}`);
      case "resumed":
        return line(`step ${event.step}  resumed from ${event.file}`);
      case "start":
      case "failed": // thrown as well, and then shown
      case "end":
        return endLine();
      default:
        return event satisfies never;
    }
  };
  return { show, close: endLine };
}

const keptIn = (file: string | undefined): string => (file === undefined ? "" : `; kept in ${file}`);

function progressLine(event: Extract<TrainingEvent, { type: "progress" }>): string {
  const percent = `${Math.floor(100 * event.progress)} %`;
  const rate =
    event.stepsPerSecond >= 1
      ? `${event.stepsPerSecond.toFixed(1)} steps/s`
      : `${(1 / event.stepsPerSecond).toFixed(1)} s/step`;
  const left = event.progress >= 1 ? "" : `  ${formatDuration(event.secondsLeft)} left`;
  return `step ${event.step}  ${percent}  ${metricsText(event.metrics)}  lr ${event.learningRate.toExponential(1)}  ${rate}${left}`;
}

function metricsText(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${value.toPrecision(4)}`)
    .join("  ");
}
