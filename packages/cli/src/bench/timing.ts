// Times of several sides taken in turns, so that whatever else the machine does falls on all of them.

/** The times of one side. */
export interface Times {
  readonly median: number;
  readonly minimum: number;
  /** How many were taken. */
  readonly count: number;
}

/** Asks every side in turn, `rounds` times over. -> the answers of each side */
export async function interleave<T>(sides: readonly (() => Promise<T>)[], rounds: number): Promise<T[][]> {
  const answers = sides.map((): T[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, ask] of sides.entries()) answers[i]?.push(await ask());
  }
  return answers;
}

/** Median and minimum of some times. */
export function timesOf(values: readonly number[]): Times {
  const sorted = [...values].sort((a, b) => a - b);
  const { length } = sorted;
  const [low, high] = [sorted[Math.floor((length - 1) / 2)] ?? NaN, sorted[Math.ceil((length - 1) / 2)] ?? NaN];
  return { median: (low + high) / 2, minimum: sorted[0] ?? NaN, count: length };
}

/** One side's times as a part of another's. */
export interface Ratio {
  readonly median: number;
  readonly minimum: number;
}

/** `ours / theirs`. */
export function ratioOf(ours: Times, theirs: Times): Ratio {
  return { median: ours.median / theirs.median, minimum: ours.minimum / theirs.minimum };
}

/** The smallest value that at least this share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
