// Confidence intervals and paired tests over episodes by resampling: no assumption on how scores are distributed.
import { invalid } from "@vid2world/formats";
import { randomIntegers } from "../../data/random.js";
import { average } from "../metrics/average.js";

/** An estimate with its interval. */
export interface Interval {
  readonly value: number;
  /** Bounds of the interval; NaN where there are fewer than two episodes. */
  readonly low: number;
  readonly high: number;
}

/** How intervals are drawn. */
export interface BootstrapOptions {
  /** Default 2000. */
  readonly resamples?: number;
  /** Share of resamples inside. Default 0.95. */
  readonly confidence?: number;
  readonly seed?: number;
}

/** How intervals are drawn where nothing else is said. */
export const bootstrapDefaults = { resamples: 2000, confidence: 0.95, seed: 0 } as const;

/** A resample lacks an episode that is there once in about one of three cases. */
const mostRedraws = 100;

/**
 * Percentile interval (Efron 1979) of a statistic over episodes, by default their mean. Episodes, not frames, are drawn: the frames of
 * one episode resemble each other. The same seed gives the same interval. A resample of which the statistic is NaN (it lacks what the statistic is
 * about) is drawn again.
 */
export function bootstrapInterval<T>(
  episodes: readonly T[],
  statistic: (sample: readonly T[]) => number,
  options: BootstrapOptions = {},
): Interval {
  const { resamples, confidence, seed } = { ...bootstrapDefaults, ...options };
  if (!(confidence > 0 && confidence < 1)) throw invalid("confidence", "between 0 and 1", confidence);
  if (!Number.isInteger(resamples) || resamples < 1) throw invalid("resamples", "a whole number >= 1", resamples);
  const value = statistic(episodes);
  if (episodes.length < 2 || Number.isNaN(value)) return { value, low: NaN, high: NaN };
  const next = randomIntegers(seed, 0);
  const draw = (): number => statistic(episodes.map(() => episodes[below(next(), episodes.length)] as T));
  const drawn = Float64Array.from({ length: resamples }, () => {
    let found = draw();
    for (let again = 0; Number.isNaN(found) && again < mostRedraws; again++) found = draw();
    return found;
  }).sort();
  if (Number.isNaN(drawn.at(-1))) return { value, low: NaN, high: NaN };
  return { value, low: quantile(drawn, (1 - confidence) / 2), high: quantile(drawn, (1 + confidence) / 2) };
}

/** The interval of a mean. */
export const meanInterval = (scores: readonly number[], options?: BootstrapOptions): Interval =>
  bootstrapInterval(scores, average, options);

/** What a paired comparison finds. */
export interface PairedComparison {
  /** Mean of `a - b`. */
  readonly difference: Interval;
  /** Two-sided: how often chance alone would make the difference at least this large. */
  readonly pValue: number;
  readonly episodes: number;
}

/**
 * Compares the scores of two systems on the same episodes by flipping the signs of the differences at random (Fisher's randomisation
 * test): exact for up to 12 episodes, by `resamples` draws above.
 */
export function comparePaired(
  a: readonly number[],
  b: readonly number[],
  options: BootstrapOptions = {},
): PairedComparison {
  if (a.length !== b.length || a.length === 0)
    throw invalid("b", `as many scores as a has (${a.length}), at least one`, b.length);
  const differences = a.map((score, i) => score - (b[i] as number));
  const signed = (swapped: readonly boolean[]): number =>
    sum(differences.map((difference, i) => (swapped[i] === true ? -difference : difference)));
  const tests = { ...options, mostExact: 12, rounding: 1e-12 * sum(differences.map(Math.abs)) };
  const { pValue } = swapTest(differences.length, signed, tests);
  return { difference: meanInterval(differences, options), pValue, episodes: differences.length };
}

/** Options of {@link swapTest}. */
export interface SwapTestOptions extends BootstrapOptions {
  /** Up to so many episodes all arrangements are tried. */
  readonly mostExact: number;
  /** Differences by so much are none: sums of the same numbers in another order differ in the last digits. */
  readonly rounding: number;
}

/**
 * Fisher's randomisation test of any difference between two systems: if they were alike, each episode's results might as well be exchanged
 * between them. `difference` gives the difference with the episodes exchanged for which its argument is true; the p-value is two-sided.
 */
export function swapTest(
  episodes: number,
  difference: (swapped: readonly boolean[]) => number,
  options: SwapTestOptions,
): { readonly observed: number; readonly pValue: number } {
  const { resamples, seed, mostExact, rounding } = { ...bootstrapDefaults, ...options };
  const observed = difference(new Array<boolean>(episodes).fill(false));
  const exact = episodes <= mostExact;
  const arrangements = exact ? 2 ** episodes : resamples;
  const next = randomIntegers(seed, 1);
  let extreme = 0;
  for (let arrangement = 0; arrangement < arrangements; arrangement++) {
    let bits = 0;
    const swapped = Array.from({ length: episodes }, (_, i) => {
      if (i % 32 === 0) bits = exact ? arrangement : next();
      return ((bits >>> (i % 32)) & 1) === 1;
    });
    if (Math.abs(difference(swapped)) >= Math.abs(observed) - rounding) extreme++;
  }
  // The observed arrangement is one of those that chance may draw.
  return { observed, pValue: exact ? extreme / arrangements : (extreme + 1) / (arrangements + 1) };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** 0 .. count-1 from 32 random bits. */
const below = (bits: number, count: number): number => Math.floor((bits / 2 ** 32) * count);

/** Linear between the neighbours, as numpy's default. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const [a = NaN, b = a] = [sorted[low], sorted[low + 1]];
  return a + (at - low) * (b - a);
}
