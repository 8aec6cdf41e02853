// Inputs that were sampled over time (a column per channel) -> one row per frame.
//   Row t is about the time from frame t to frame t + 1, because that is what leads from one to the other.
import { FormatError } from "@vid2world/formats";
import type { Channel } from "../action-space.js";
import type { ColumnMapping, InputsMapping } from "./mapping.js";
import type { TableRow } from "./table.js";

/** Times of rows in seconds of the video, checked: numbers that do not fall. */
export function timesOf(
  file: string,
  rows: readonly TableRow[],
  inputs: InputsMapping,
  videoFps: number,
): Float64Array {
  const seconds = { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9, frames: 1 / videoFps }[inputs.unit];
  let before = -Infinity;
  return Float64Array.from(rows, ({ place, values }) => {
    const raw = values[inputs.time];
    if (raw === undefined) {
      throw new FormatError(
        file,
        `${place}: no column "${inputs.time}" with the time; there are ${Object.keys(values).join(", ")}`,
      );
    }
    const time = toNumber(raw) * seconds + inputs.offset;
    if (!Number.isFinite(time)) throw new FormatError(file, `${place}: time ${JSON.stringify(raw)} is no number`);
    if (time < before)
      throw new FormatError(file, `${place}: goes back in time, from ${before} s to ${time} s; sort the rows`);
    before = time;
    return time;
  });
}

/** A table's cell as a number; NaN if it is none. */
export function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "string" && value.trim() !== "" ? Number(value) : NaN;
}

/** What is needed to resample a table. */
export interface SampledInputs {
  readonly file: string;
  readonly rows: readonly TableRow[];
  /** Of the rows, in seconds of the video. */
  readonly times: Float64Array;
  readonly channels: readonly Channel[];
  readonly columns: Readonly<Record<string, ColumnMapping>>;
}

const PLAIN: ColumnMapping = { scale: 1, add: 0, clip: false };

/** Rows of channel values, one per frame. A sample holds until the next one; before the first, channels are at rest. */
export function resampleInputs(
  { file, rows, times, channels, columns }: SampledInputs,
  frames: number,
  fps: number,
): number[][] {
  const result = Array.from({ length: frames }, () => new Array<number>(channels.length).fill(0));
  channels.forEach((channel, i) => {
    const mapping = columns[channel.name] ?? PLAIN;
    const values = rows.map((row) => valueOf(file, row, channel, mapping));
    const combine = mapping.combine ?? usualCombine[channel.kind];
    const rest = channel.kind === "continuous" ? channel.rest : 0;
    let next = 0; // first sample at or after the frame
    for (let t = 0; t < frames; t++) {
      const [from, to] = [t / fps, (t + 1) / fps];
      const held = next === 0 ? rest : (values[next - 1] ?? rest);
      const first = next;
      while (next < times.length && (times[next] ?? Infinity) < to) next++;
      const value = combiners[combine]({ held, values, times, first, end: next, from, to });
      const row = result[t];
      if (row) row[i] = channel.kind === "continuous" ? value : Math.round(value);
    }
  });
  return result;
}

/** The samples `first` up to `end` fall into the time `from` to `to`; `held` is the value before them. */
interface Span {
  readonly held: number;
  readonly values: readonly number[];
  readonly times: Float64Array;
  readonly first: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

const usualCombine = { continuous: "mean", binary: "max", choice: "last" } as const;

const combiners: Readonly<Record<NonNullable<ColumnMapping["combine"]>, (span: Span) => number>> = {
  /** Weighted by how long each value held. */
  mean({ held, values, times, first, end, from, to }) {
    let [sum, at, value] = [0, from, held];
    for (let i = first; i < end; i++) {
      const time = Math.max(times[i] ?? at, at);
      sum += value * (time - at);
      [at, value] = [time, values[i] ?? value];
    }
    return (sum + value * (to - at)) / (to - from);
  },
  last: ({ held, values, first, end }) => (end > first ? (values[end - 1] ?? held) : held),
  first: ({ held, values, times, first, end, from }) =>
    end > first && times[first] === from ? (values[first] ?? held) : held,
  max({ held, values, times, first, end, from }) {
    const within = values.slice(first, end);
    // A sample exactly at the frame replaces the value before it.
    return Math.max(...(end > first && (times[first] ?? from) <= from ? [] : [held]), ...within);
  },
  /** For amounts such as mouse movement: what was reported within the frame. */
  sum: ({ values, first, end }) => values.slice(first, end).reduce((sum, value) => sum + value, 0),
};

function valueOf(file: string, { place, values }: TableRow, channel: Channel, mapping: ColumnMapping): number {
  const column = mapping.column ?? channel.name;
  const raw = values[column];
  if (raw === undefined) {
    throw new FormatError(
      file,
      `${place}: no column "${column}" for channel ${channel.name}; there are ${Object.keys(values).join(", ")}`,
    );
  }
  const word = typeof raw === "string" ? mapping.words?.[raw] : undefined;
  const number = word ?? toNumber(raw);
  if (!Number.isFinite(number)) {
    const hint = mapping.words === undefined ? "" : `, and none of the words ${Object.keys(mapping.words).join(", ")}`;
    throw new FormatError(file, `${place}: ${column} is ${JSON.stringify(raw)}, which is no number${hint}`);
  }
  const value = number * mapping.scale + mapping.add;
  if (channel.kind !== "continuous" || mapping.combine === "sum") return value; // a sum is checked when it is one
  const [low, high] = channel.range;
  if (mapping.clip) return Math.min(high, Math.max(low, value));
  if (value >= low && value <= high) return value;
  throw new FormatError(
    file,
    `${place}: ${channel.name} = ${value} is outside of its range ${low} to ${high}; widen it, or set clip`,
  );
}
