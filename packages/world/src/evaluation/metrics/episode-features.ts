// The features of every episode, kept until the end: what an interval of a Frechet distance is drawn from.
// Axes: N vectors, D features.
import { invalid } from "@vid2world/formats";
import { cat, keep, scope, type Tensor } from "@vid2world/torch";
import { bootstrapInterval, type BootstrapOptions, type Interval } from "../statistics/bootstrap.js";
import { frechetDistanceWeighted } from "./frechet.js";

/** Resamples of an interval, where nothing else is asked for. */
export const distanceResamples = 200;

/**
 * Above this many vectors and features no interval is computed unless it is asked for: the time of a resample grows with the cube of the
 * smaller of the two. FVD (400 features) takes about 0.2 s a resample however many clips there are, FID (2048) up to half a minute.
 */
export const intervalLimit = 512;

/** Vectors of true and predicted episodes, in pairs. Free them by `dispose`. */
export class EpisodeFeatures implements Disposable {
  #truth: Tensor[] = [];
  #prediction: Tensor[] = [];
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
  }

  /**
   * The Frechet distance and its basic bootstrap interval (Davison and Hinkley 1997, 5.2), episodes drawn in pairs; `resamples` of 0: without.
   * A distance of few vectors is too large, and one of a resample too large once more by about as much: the basic interval, `2 value - drawn`,
   * takes both away. It is of the distance that endless sets would have, so `value` may lie above `high`. Bounds are at least 0.
   */
  interval({ resamples = distanceResamples, ...options }: BootstrapOptions = {}): Interval {
    const episodes = this.#truth.map((vectors, episode) => ({ episode, count: vectors.size(0) }));
    using truth_ND = scope(() => keep(cat(this.#truth)));
    using prediction_ND = scope(() => keep(cat(this.#prediction)));
    const distanceOf = (drawn: typeof episodes): number => {
      const times = new Uint32Array(episodes.length);
      for (const { episode } of drawn) times[episode] = (times[episode] ?? 0) + 1;
      const weights = episodes.flatMap(({ episode, count }) => new Array<number>(count).fill(times[episode] ?? 0));
      return frechetDistanceWeighted(truth_ND, weights, prediction_ND, weights);
    };
    if (resamples === 0) return { value: distanceOf(episodes), low: NaN, high: NaN };
    const { value, low, high } = bootstrapInterval(episodes, (drawn) => distanceOf([...drawn]), {
      ...options,
      resamples,
    });
    return { value, low: Math.max(0, 2 * value - high), high: Math.max(0, 2 * value - low) };
  }

  dispose(): void {
    for (const each of [...this.#truth, ...this.#prediction]) each.dispose();
    [this.#truth, this.#prediction] = [[], []];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const copyOf = (x_ND: Tensor): Tensor => scope(() => keep(x_ND.detach().to("cpu").float().clone()));
