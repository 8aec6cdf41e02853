// The features of every episode, kept until the end: what intervals of Frechet distances and paired tests are drawn from.
// Axes: N vectors, D features.
import { invalid } from "@vid2world/formats";
import { cat, keep, scope, type Tensor } from "@vid2world/torch";
import {
  bootstrapInterval,
  type BootstrapOptions,
  type Interval,
  type PairedComparison,
  swapTest,
} from "../statistics/bootstrap.js";
import { frechetDistance } from "./frechet.js";
import { frechetSampler } from "./frechet-sampler.js";

/** Resamples of an interval, and arrangements of a paired test, where nothing else is asked for. */
export const distanceResamples = 200;

/** So many vectors of each set are kept for intervals: 256 MB of FID's 2,048 features, 2,048 clips of 16 frames. */
export const keptVectors = 32_768;

/** How much of the vectors an interval or a test looked at: 1, or the share of their variance that the leading directions hold. */
interface Looked {
  readonly share: number;
}

/** Vectors of true and predicted episodes, in pairs. Free them by `dispose`. */
export class EpisodeFeatures implements Disposable {
  #truth: Tensor[] = [];
  #prediction: Tensor[] = [];
  #counts: number[] = [];
  #vectors = 0;
  readonly #limit: number;

  /** Keeps at most `limit` vectors of each set, 4 bytes a number; with more, it keeps none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Vectors of either set that are kept; 0 where there were too many. */
  get vectors(): number {
    return this.#vectors <= this.#limit ? this.#vectors : 0;
  }

  /** Adds an episode's vectors: [N D], [N D], copied. */
  add(truth_ND: Tensor, prediction_ND: Tensor): void {
    const [count] = truth_ND.dims("N D");
    if (String(truth_ND.shape) !== String(prediction_ND.shape))
      throw invalid("prediction_ND", `as many vectors as the truth has, [${truth_ND.shape.join(", ")}]`, prediction_ND.shape); // prettier-ignore
    this.#vectors += count;
    if (this.#vectors > this.#limit) return this.dispose();
    this.#truth.push(copyOf(truth_ND));
    this.#prediction.push(copyOf(prediction_ND));
    this.#counts.push(count);
  }

  /** The Frechet distance of all vectors, exactly. */
  distance(): number {
    return scope(() => frechetDistance(cat(this.#truth), cat(this.#prediction)));
  }

  /**
   * The basic bootstrap interval (Davison and Hinkley 1997, 5.2) about `value`, the Frechet distance of all vectors; episodes are drawn in pairs.
   * A distance of few vectors is too large, and one of a resample too large once more by about as much: the basic interval, `2 value - drawn`,
   * takes both away. It is of the distance that endless sets would have, so `value` may lie above `high`. Bounds are at least 0.
   */
  interval(value: number, { resamples = distanceResamples, ...options }: BootstrapOptions = {}): Interval & Looked {
    if (resamples === 0) return { value, low: NaN, high: NaN, share: 1 };
    using sampler = frechetSampler(this.#truth, this.#prediction, this.#vectors);
    const drawn = bootstrapInterval(
      this.#counts.map((_, episode) => episode),
      (sample) => sampler.distance(this.#weights(sample)),
      { ...options, resamples },
    );
    return { ...mirrored(value, drawn, 0), share: sampler.share };
  }

  /**
   * Compares with another system's features of the same episodes: `difference` is the distance here less the one there, with a basic bootstrap
   * interval, episodes drawn for both alike; the p-value is that of exchanging whole episodes between both, all arrangements of few.
   */
  comparePaired(
    other: EpisodeFeatures,
    difference: number,
    { resamples = distanceResamples, ...options }: BootstrapOptions = {},
  ): PairedComparison & Looked {
    const counts = this.#counts;
    if (String(counts) !== String(other.#counts))
      throw invalid("other", `features of the same ${counts.length} episodes`, other.#counts.length);
    const [truth, prediction] = [
      [...this.#truth, ...other.#truth],
      [...this.#prediction, ...other.#prediction],
    ];
    using sampler = frechetSampler(truth, prediction, this.#vectors);
    /** The distances of both systems' vectors, or of vectors exchanged between them; each vector of either counts so often. */
    const both = (here: readonly number[], there: readonly number[]): readonly [number, number] => [
      sampler.distance([...here, ...there]),
      sampler.distance([...there, ...here]),
    ];
    const none = this.#rows([]);
    const ofSample = (sample: readonly number[]): number => apart(both(this.#weights(sample), none));
    const ofSwapped = (swapped: readonly boolean[]): number => {
      const there = this.#rows(swapped.map(Number));
      return apart(both(there.map((weight) => 1 - weight), there)); // prettier-ignore
    };
    const drawn = bootstrapInterval(
      counts.map((_, episode) => episode),
      ofSample,
      { ...options, resamples },
    );
    const all = this.#rows(counts.map(() => 1));
    const [own, others] = both(all, none);
    const tests = {
      ...options,
      resamples,
      mostExact: Math.floor(Math.log2(resamples)),
      rounding: 1e-9 * (own + others),
    };
    const { pValue } = swapTest(counts.length, ofSwapped, tests);
    return {
      difference: mirrored(difference, drawn, -Infinity),
      ...{ pValue, episodes: counts.length, share: sampler.share },
    };
  }

  /** How often each vector counts where these episodes were drawn. */
  #weights(sample: readonly number[]): number[] {
    const times = new Array<number>(this.#counts.length).fill(0);
    for (const episode of sample) times[episode] = (times[episode] ?? 0) + 1;
    return this.#rows(times);
  }

  /** A number for each episode, repeated for each of its vectors. */
  #rows(byEpisode: readonly number[]): number[] {
    return this.#counts.flatMap((count, episode) => new Array<number>(count).fill(byEpisode[episode] ?? 0));
  }

  dispose(): void {
    for (const each of [...this.#truth, ...this.#prediction]) each.dispose();
    [this.#truth, this.#prediction, this.#counts] = [[], [], []];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const copyOf = (x_ND: Tensor): Tensor => scope(() => keep(x_ND.detach().to("cpu").float().clone()));

const apart = ([own, other]: readonly [number, number]): number => own - other;

/** `value` with the interval `value + (drawn.value - high .. low)`: the drawn distances may be of some directions only. */
function mirrored(value: number, drawn: Interval, least: number): Interval {
  const at = (bound: number): number => Math.max(least, value + drawn.value - bound);
  return { value, low: at(drawn.high), high: at(drawn.low) };
}
