// The features of all true and predicted clips of a folder, by part and distance, and the Frechet distances of them.
import { distanceResamples, EpisodeFeatures, keptVectors } from "../metrics/episode-features.js";
import { FeatureStatistics } from "../metrics/feature-statistics.js";
import { frechetDistanceOf } from "../metrics/frechet.js";
import { exactLimit, leadingDirections } from "../metrics/frechet-sampler.js";
import type { BootstrapOptions } from "../statistics/bootstrap.js";
import type { Environment } from "./environments.js";
import type { MetricNetworks } from "./metric-networks.js";
import { loadStatistics, saveStatistics, statisticsFile } from "./set-statistics.js";
import type { ClipFeatures } from "./score-pair.js";

/** A distance between the sets of true and predicted clips. */
export interface SetDistance {
  readonly value: number;
  /** Bounds of the interval of the distance that endless sets would have; absent where none was computed. `value` may lie above. */
  readonly low?: number;
  readonly high?: number;
  /** Vectors of either set. */
  readonly vectors: number;
  readonly features: number;
  readonly network: string;
}

/** The distances between sets. */
export type SetMetric = "fid" | "fvd";

/** What is drawn for intervals of distances. */
export interface DistanceOptions {
  /** Resamples of an interval, and arrangements of a paired test; 0: none. Default: 200. */
  readonly distanceResamples?: number | undefined;
  readonly bootstrap?: BootstrapOptions;
}

/** Statistics of the features so far. */
export interface FeatureSets extends Disposable {
  /** Adds and frees the features of a clip. */
  add(part: number, features: Readonly<Record<SetMetric, ClipFeatures | undefined>>): void;
  /** The distances of a part, from the true clips or from a `reference` folder; what makes one worth less is added to `warnings`. */
  distances(part: number, warnings: Set<string>, reference?: string): Promise<Partial<Record<SetMetric, SetDistance>>>;
  /** Writes the statistics of all parts into a folder. */
  save(folder: string): Promise<void>;
  /** Gives the features away, by part: whoever takes them frees them. */
  take(): readonly TakenFeatures[];
}

/** The features of one part of the frames that a comparison with another system needs. */
export type TakenFeatures = ReadonlyMap<SetMetric, EpisodeFeatures>;

interface FeatureSet extends Disposable {
  readonly truth: FeatureStatistics;
  readonly prediction: FeatureStatistics;
  readonly episodes: EpisodeFeatures;
}

/** Empty sets for every part of the environment. */
export function featureSets({ parts }: Environment, networks: MetricNetworks, options: DistanceOptions): FeatureSets {
  const sets = parts.map(() => new Map<SetMetric, FeatureSet>());
  return {
    add(part, features) {
      for (const metric of ["fid", "fvd"] as const) {
        const found = features[metric];
        const width = networks[metric]?.width;
        if (!found || width === undefined) continue;
        const set = sets[part]?.get(metric) ?? emptySet(width, options.distanceResamples);
        sets[part]?.set(metric, set);
        set.truth.add(found.truth_ND);
        set.prediction.add(found.prediction_ND);
        set.episodes.add(found.truth_ND, found.prediction_ND);
        found.truth_ND.dispose();
        found.prediction_ND.dispose();
      }
    },
    async distances(part, warnings, reference) {
      const found: Partial<Record<SetMetric, SetDistance>> = {};
      for (const [metric, set] of sets[part] ?? []) {
        const { count: vectors, width: features } = set.prediction;
        const network = networks[metric]?.name ?? "";
        if (vectors < 2) {
          warnings.add(
            `${metric.toUpperCase()}: not computed from ${vectors} vector; a distance between sets needs more clips`,
          );
          continue;
        }
        if (set.prediction.isRankDeficient)
          warnings.add(
            `${metric.toUpperCase()}: ${vectors} vectors of ${features} features: too few, the distance is biased upwards; compare only with the same number`,
          );
        if (reference !== undefined) {
          const file = statisticsFile(reference, metric, parts[part]?.name ?? "", "truth");
          using truth = await loadStatistics(file, network);
          warnings.add(`${metric.toUpperCase()}: against the ${truth.count} vectors of ${file}; no interval`);
          found[metric] = { value: frechetDistanceOf(truth, set.prediction), vectors, features, network };
          continue;
        }
        if (set.episodes.vectors === 0 && options.distanceResamples !== 0)
          warnings.add(`${metric.toUpperCase()}: no interval of ${vectors} vectors; at most ${keptVectors} are kept`);
        const { share = 1, ...distance } = distanceOf(set, options);
        if (share < 1) warnings.add(directionsText(metric, features, share));
        found[metric] = { ...distance, vectors, features, network };
      }
      return found;
    },
    async save(folder) {
      for (const [part, bySet] of sets.entries())
        for (const [metric, set] of bySet)
          for (const side of ["truth", "prediction"] as const) {
            const file = statisticsFile(folder, metric, parts[part]?.name ?? "", side);
            await saveStatistics(file, set[side], networks[metric]?.name ?? "");
          }
    },
    take: () =>
      sets.map((part) => {
        const taken = new Map([...part].map(([metric, { episodes }]) => [metric, episodes] as const));
        for (const [metric, set] of part) part.set(metric, { ...set, episodes: new EpisodeFeatures(0) });
        return taken;
      }),
    [Symbol.dispose]() {
      for (const part of sets) for (const set of part.values()) set[Symbol.dispose]();
    },
  };
}

function emptySet(width: number, resamples = distanceResamples): FeatureSet {
  const [truth, prediction] = [new FeatureStatistics(width), new FeatureStatistics(width)];
  const episodes = new EpisodeFeatures(resamples > 0 ? keptVectors : 0);
  return {
    ...{ truth, prediction, episodes },
    [Symbol.dispose]() {
      for (const each of [this.truth, this.prediction, this.episodes]) each.dispose();
    },
  };
}

/** What a reader must know of intervals that look at some directions only. */
export const directionsText = (metric: SetMetric, features: number, share: number): string =>
  `${metric.toUpperCase()}: spread and p-values are those of the ${leadingDirections} leading directions of ${features}, with ${(100 * share).toFixed(0)} % of the variance`;

/** From the vectors where they were kept and are few: that is exact, and faster than from their statistics. */
function distanceOf(
  { truth, prediction, episodes }: FeatureSet,
  { distanceResamples: resamples = distanceResamples, bootstrap }: DistanceOptions,
): Pick<SetDistance, "value" | "low" | "high"> & { readonly share?: number } {
  const { vectors } = episodes;
  const value = vectors > 0 && vectors <= exactLimit ? episodes.distance() : frechetDistanceOf(truth, prediction);
  if (vectors === 0 || resamples === 0) return { value };
  const { low, high, share } = episodes.interval(value, { ...bootstrap, resamples });
  return Number.isNaN(low) ? { value } : { value, low, high, share };
}
