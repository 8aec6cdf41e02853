// Where the time of the last frames went, and how long it took from a key to the frame that shows it.
import type { FrameTimings } from "../protocol.js";

/** Frames that the figures are taken over. */
const WINDOW = 120;
/** Frames that the time between arrivals is taken over: few, as the rate can be changed. */
const ARRIVALS = 9;

/** Medians over the last frames, milliseconds; undefined where nothing was measured yet. */
export interface LatencySummary {
  readonly wait: number | undefined;
  readonly model: number | undefined;
  readonly decode: number | undefined;
  readonly encode: number | undefined;
  /** Half the way there and back. */
  readonly network: number | undefined;
  /** From the arrival of a frame to its picture on the screen. */
  readonly draw: number | undefined;
  /** Time between frames on the screen. */
  readonly frameTime: number | undefined;
  readonly keyToFrame: { readonly p50: number; readonly p95: number; readonly count: number } | undefined;
  /** Frames that were received, but overtaken by the next before the screen showed them. */
  readonly dropped: number;
}

/** Takes measurements. All times are milliseconds of one clock, `performance.now()`. */
export interface LatencyMeter {
  /** A played frame that came. */
  received(at: number): void;
  /** Time between the last frames as they came, drawn or not: that of the server. */
  readonly interval: number | undefined;
  /** A frame that is on the screen now. */
  shown(timings: FrameTimings, received: number, drawn: number): void;
  dropped(): void;
  roundTrip(milliseconds: number): void;
  /** An input of `at` went out with the `action` message of this number. */
  input(sequence: number, at: number): void;
  /** A frame that knew of this message is on the screen. */
  answered(sequence: number, drawn: number): void;
  /** Frames do not follow each other any more: neither does the time between them. */
  interrupted(): void;
  /** Another session: nothing was measured of it yet. */
  clear(): void;
  summary(): LatencySummary;
}

/** The value below which a share of the values lies (nearest rank); undefined for none. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** Keeps the last values. */
function keepLast(values: number[], value: number, most = WINDOW): void {
  values.push(value);
  if (values.length > most) values.shift();
}

/** A meter without measurements. */
export function createLatencyMeter(): LatencyMeter {
  const parts = { wait: [], model: [], decode: [], encode: [], network: [], draw: [], frameTime: [] } as Record<
    "wait" | "model" | "decode" | "encode" | "network" | "draw" | "frameTime",
    number[]
  >;
  const keyToFrame: number[] = [];
  const intervals: number[] = [];
  let waiting: { sequence: number; at: number }[] = [];
  let lastReceived: number | undefined;
  let lastDrawn: number | undefined;
  let interval: number | undefined;
  let dropped = 0;
  const interrupted = (): void => {
    lastReceived = lastDrawn = undefined;
    waiting = [];
  };
  return {
    get interval() {
      return interval;
    },
    received(at) {
      if (lastReceived !== undefined) {
        keepLast(intervals, at - lastReceived, ARRIVALS);
        interval = percentile(intervals, 0.5);
      }
      lastReceived = at;
    },
    shown(timings, received, drawn) {
      for (const part of ["wait", "model", "decode", "encode"] as const) keepLast(parts[part], timings[part]);
      keepLast(parts.draw, drawn - received);
      if (lastDrawn !== undefined) keepLast(parts.frameTime, drawn - lastDrawn);
      lastDrawn = drawn;
    },
    dropped: () => void dropped++,
    roundTrip: (milliseconds) => keepLast(parts.network, milliseconds / 2),
    input: (sequence, at) => void waiting.push({ sequence, at }),
    answered(sequence, drawn) {
      for (const input of waiting) if (input.sequence <= sequence) keepLast(keyToFrame, drawn - input.at);
      waiting = waiting.filter((input) => input.sequence > sequence);
    },
    interrupted,
    clear() {
      interrupted();
      for (const values of [...Object.values(parts), keyToFrame, intervals]) values.length = 0;
      interval = undefined;
      dropped = 0;
    },
    summary() {
      const middle = (part: keyof typeof parts): number | undefined => percentile(parts[part], 0.5);
      const [p50, p95] = [percentile(keyToFrame, 0.5), percentile(keyToFrame, 0.95)];
      return {
        wait: middle("wait"),
        model: middle("model"),
        decode: middle("decode"),
        encode: middle("encode"),
        network: middle("network"),
        draw: middle("draw"),
        frameTime: middle("frameTime"),
        keyToFrame: p50 === undefined || p95 === undefined ? undefined : { p50, p95, count: keyToFrame.length },
        dropped,
      };
    },
  };
}
