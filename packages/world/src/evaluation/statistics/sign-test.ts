// The sign test: whether so many of so many go one way by chance.

/** Two-sided p-value of `hits` of `trials` where chance hits every second time (exact binomial); 1 of none. */
export function signTest(hits: number, trials: number): number {
  const extreme = Math.max(hits, trials - hits);
  // Sums of logarithms: binomial coefficients of many trials overflow.
  let logChoose = 0;
  let tail = 0;
  for (let k = 0; k <= trials; k++) {
    if (k > 0) logChoose += Math.log((trials - k + 1) / k);
    if (k >= extreme) tail += Math.exp(logChoose - trials * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}
