// What each channel of an action space does to the picture, learnt from recordings: the motion of consecutive frames, explained by the
// actions between them (ordinary least squares). Nobody has to declare that "turn" moves the picture to the right.
// Axes: N pairs of frames, K explaining numbers (channels and a constant).
import { type Channel, channelColumns } from "../../data/action-space.js";
import { type ImageMotion, type MotionKind, motionKinds } from "../metrics/image-motion.js";

/** A pair of consecutive recorded frames. */
export interface ObservedPair {
  readonly motion: ImageMotion;
  /** Network inputs at the earlier frame. */
  readonly action_A: ArrayLike<number>;
}

/** The clearest effect of a channel. */
export interface ChannelEffect {
  readonly channel: string;
  readonly motion: MotionKind;
  /** Pixels per unit of the channel. */
  readonly slope: number;
  /** Slope over its standard error. */
  readonly t: number;
  /** Pairs whose motion could be measured without doubt. */
  readonly pairs: number;
}

/** An effect counts from this many standard errors on: chance alone does not get there among a few channels and motions. */
const MINIMUM_T = 5;
/** Fewer pairs explain nothing. */
const MINIMUM_PAIRS = 40;

/** A channel that is one number of the network's input, with its place there. */
export interface ScalarChannel {
  readonly channel: Exclude<Channel, { kind: "choice" }>;
  readonly column: number;
}

/** Channels that are one number each; choices are several, and no order. */
export function scalarChannels(channels: readonly Channel[]): ScalarChannel[] {
  const columns = channelColumns(channels);
  return channels.flatMap((channel, i) => (channel.kind === "choice" ? [] : [{ channel, column: columns[i] ?? 0 }]));
}

/** For each scalar channel the motion that it moves most clearly, if any; in the order of the channels. */
export function channelEffects(channels: readonly Channel[], pairs: readonly ObservedPair[]): ChannelEffect[] {
  // A channel that never changes explains nothing and would make the equations singular.
  const scalars = scalarChannels(channels).filter(({ column }) =>
    pairs.some(({ action_A }) => action_A[column] !== pairs[0]?.action_A[column]),
  );
  const best = new Map<string, ChannelEffect>();
  for (const motion of motionKinds) {
    const seen = pairs.filter((pair) => pair.motion[motion] !== undefined);
    if (seen.length < Math.max(MINIMUM_PAIRS, 4 * (scalars.length + 1))) continue;
    const inputs_NK = seen.map(({ action_A }) => [1, ...scalars.map(({ column }) => action_A[column] ?? 0)]);
    const fit = leastSquares(
      inputs_NK,
      seen.map((pair) => pair.motion[motion] as number),
    );
    scalars.forEach(({ channel: { name } }, i) => {
      const [slope, error] = fit?.[i + 1] ?? [0, Infinity];
      const t = slope / error;
      const effect = { channel: name, motion, slope, t, pairs: seen.length };
      if (Math.abs(t) >= MINIMUM_T && Math.abs(t) > Math.abs(best.get(name)?.t ?? 0)) best.set(name, effect);
    });
  }
  return scalars.flatMap(({ channel: { name } }) => best.get(name) ?? []);
}

/** Coefficients with their standard errors; undefined where the inputs do not determine them. */
export function leastSquares(
  inputs_NK: readonly (readonly number[])[],
  targets_N: readonly number[],
): (readonly [coefficient: number, standardError: number])[] | undefined {
  const width = inputs_NK[0]?.length ?? 0;
  const gram = Array.from({ length: width }, (_, i) =>
    Array.from({ length: width }, (_, j) => inputs_NK.reduce((sum, row) => sum + (row[i] ?? 0) * (row[j] ?? 0), 0)),
  );
  const inverse = inverted(gram);
  if (!inverse) return undefined;
  const moments = Array.from({ length: width }, (_, i) =>
    inputs_NK.reduce((sum, row, n) => sum + (row[i] ?? 0) * (targets_N[n] ?? 0), 0),
  );
  const coefficients = inverse.map((row) => row.reduce((sum, value, j) => sum + value * (moments[j] ?? 0), 0));
  const residual = inputs_NK.reduce((sum, row, n) => {
    const predicted = row.reduce((total, value, i) => total + value * (coefficients[i] ?? 0), 0);
    return sum + ((targets_N[n] ?? 0) - predicted) ** 2;
  }, 0);
  const variance = residual / Math.max(1, targets_N.length - width);
  return coefficients.map((coefficient, i) => [coefficient, Math.sqrt(variance * Math.max(0, inverse[i]?.[i] ?? 0))]);
}

/** Inverse of a small symmetric matrix by Gauss-Jordan elimination with pivoting; undefined where it has none. */
function inverted(matrix: readonly (readonly number[])[]): number[][] | undefined {
  const size = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  const scale = Math.max(...matrix.flat().map(Math.abs));
  for (let column = 0; column < size; column++) {
    const pivot = rows.reduce(
      (best, row, i) => (i >= column && Math.abs(row[column] ?? 0) > Math.abs(rows[best]?.[column] ?? 0) ? i : best),
      column,
    );
    [rows[column], rows[pivot]] = [rows[pivot] as number[], rows[column] as number[]];
    const value = rows[column]?.[column] ?? 0;
    if (!(Math.abs(value) > 1e-10 * scale)) return undefined;
    const normal = (rows[column] as number[]).map((entry) => entry / value);
    rows[column] = normal;
    rows.forEach((row, i) => {
      const factor = row[column] ?? 0;
      if (i !== column && factor !== 0) rows[i] = row.map((entry, j) => entry - factor * (normal[j] ?? 0));
    });
  }
  return rows.map((row) => row.slice(size));
}
