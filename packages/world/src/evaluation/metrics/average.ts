// The plain mean of numbers.

/** Mean of numbers; NaN of none. */
export function average(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
