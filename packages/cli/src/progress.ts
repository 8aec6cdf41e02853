// Progress of a long command: one line that rewrites itself on a terminal, an occasional plain line elsewhere (logs, CI).

/** A running display. Call `update` as often as you like; it draws only when there is something new to see. */
export interface Progress {
  /** `done` of the total, and anything short to show behind it ("loss 0.312"). */
  update(done: number, note?: string): void;
  /** Draws the last state and ends the line. */
  finish(note?: string): void;
}

/** Options of {@link createProgress}; `now` (milliseconds) and `output` are for tests. */
export interface ProgressOptions {
  readonly label: string;
  readonly total: number;
  /** What is counted, in the plural: "steps", "frames". */
  readonly unit?: string;
  readonly output?: ProgressOutput;
  readonly now?: () => number;
}

/** Where progress goes: standard error, so that results on standard output can be piped. */
export type ProgressOutput = Pick<NodeJS.WriteStream, "write"> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;
/** The rate is that of about the last ten seconds, so that a slow start does not spoil the estimate for hours. */
const RATE_WINDOW_MS = 10_000;

/**
 * Starts a display of `total` things.
 *
 * @example
 * const progress = createProgress({ label: "train", total: 1000, unit: "steps" });
 * for (let step = 1; step <= 1000; step++) progress.update(step, `loss ${loss.toFixed(3)}`);
 * progress.finish();
 */
export function createProgress(options: ProgressOptions): Progress {
  const { label, total, unit = "", output = process.stderr, now = () => performance.now() } = options;
  const interval = output.isTTY === true ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
  const started = now();
  const samples: { time: number; done: number }[] = [{ time: started, done: 0 }];
  let drawn = output.isTTY === true ? -Infinity : started; // no plain line at the very first update
  let latest = { done: 0, note: "" };

  const rate = (): number => {
    const [first, last] = [samples[0], samples.at(-1)];
    if (!first || !last || last.time === first.time) return 0;
    return ((last.done - first.done) / (last.time - first.time)) * 1000;
  };
  const line = (finished: boolean): string => {
    const elapsed = (now() - started) / 1000;
    const perSecond = finished && elapsed > 0 ? latest.done / elapsed : rate();
    const left = perSecond > 0 ? formatDuration((total - latest.done) / perSecond) : "?";
    const parts = [`${label} ${latest.done}/${total}${unit && ` ${unit}`}`, `${formatRate(perSecond)}/s`];
    parts.push(finished ? `took ${formatDuration(elapsed)}` : `${left} left`);
    return [...parts, latest.note].filter(Boolean).join("  ");
  };
  const draw = (finished: boolean): void => {
    drawn = now();
    if (output.isTTY !== true) output.write(`${line(finished)}\n`);
    // Cut to the terminal's width: a line that wraps cannot be rewritten. Some terminals say that they have 0 columns.
    else output.write(`\r${line(finished).slice(0, (output.columns || 80) - 1)}\x1b[K${finished ? "\n" : ""}`);
  };
  return {
    update(done, note = latest.note) {
      latest = { done, note };
      const time = now();
      samples.push({ time, done });
      while (samples.length > 2 && time - (samples[1]?.time ?? time) > RATE_WINDOW_MS) samples.shift();
      if (time - drawn >= interval) draw(false);
    },
    finish(note = latest.note) {
      latest = { ...latest, note };
      draw(true);
    },
  };
}

/** Seconds as a person reads them: "8 s", "3 min 05 s", "2 h 07 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (value: number): string => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

function formatRate(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond >= 1 ? perSecond.toFixed(1) : perSecond.toPrecision(2);
}
