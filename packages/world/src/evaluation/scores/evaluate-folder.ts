// Scores a folder of rollouts: every clip alone, in the order of names, then means with intervals and the distances between sets.
import { libtorchVersion, type Device } from "@vid2world/torch";
import { FeatureStatistics } from "../metrics/feature-statistics.js";
import { frechetDistanceOf } from "../metrics/frechet.js";
import type { BootstrapOptions } from "../statistics/bootstrap.js";
import { type ClipPair, findClipPairs } from "./clip-pairs.js";
import { chooseClips, type Environment, type EnvironmentName, environments } from "./environments.js";
import {
  type MetricName,
  type MetricNetworkOptions,
  type MetricNetworks,
  metricNames,
  openMetricNetworks,
} from "./metric-networks.js";
import { type FrameSource, readPair } from "./read-pair.js";
import { type ClipFeatures, type PictureMetric, type PictureScores, scorePair } from "./score-pair.js";
import { type MetricSummary, summarise } from "./summary.js";

/** `published`: the published script, number for number. `corrected`: per-clip means, of lossless frames where they were kept. */
export type ScoreProtocol = "published" | "corrected";

/** What is scored, and how. */
export interface EvaluateOptions extends Pick<MetricNetworkOptions, "device" | "i3dRange" | "weightsRoot"> {
  readonly environment: EnvironmentName;
  /** Default `corrected`. */
  readonly protocol?: ScoreProtocol;
  /** Scores the first n clips, whatever the protocol wants. */
  readonly n?: number | undefined;
  /** Default: all. */
  readonly metrics?: readonly MetricName[] | undefined;
  readonly bootstrap?: BootstrapOptions;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A distance between the sets of true and predicted clips. */
export interface SetDistance {
  readonly value: number;
  /** Vectors of either set. */
  readonly vectors: number;
  readonly features: number;
  readonly network: string;
}

/** The scores of one part of the frames. */
export interface PartReport {
  readonly name: string;
  readonly pictures: Readonly<Partial<Record<PictureMetric, MetricSummary>>>;
  readonly fid?: SetDistance;
  readonly fvd?: SetDistance;
}

/** The scores of one clip; `parts` as in the report. */
export interface ClipReport {
  readonly name: string;
  readonly parts: readonly PictureScores[];
}

/** All scores of one reading of the frames. */
export interface ScoreSet {
  readonly source: FrameSource | "mixed";
  readonly parts: readonly PartReport[];
  readonly clips: readonly ClipReport[];
}

/** What `vid2world evaluate` finds. */
export interface FolderReport {
  readonly format: "vid2world-scores/1";
  readonly folder: string;
  readonly environment: EnvironmentName;
  readonly protocol: ScoreProtocol;
  readonly scores: ScoreSet;
  /** The same clips from their videos, as published; absent where `scores` come from the videos already. */
  readonly fromVideos?: ScoreSet;
  /** Why metrics that were asked for are not there. */
  readonly missing: Readonly<Partial<Record<MetricName, string>>>;
  readonly warnings: readonly string[];
  /** SHA-256 of the networks' weights, by path. */
  readonly checksums: Readonly<Record<string, string>>;
  readonly libtorch: string;
}

/** Scores the rollouts in `folder`. The same clips give the same report, to the last bit, on the CPU. */
export async function evaluateFolder(folder: string, options: EvaluateOptions): Promise<FolderReport> {
  const { environment: name, protocol = "corrected", n, device = "cpu" } = options;
  const environment = environments[name];
  const pairs = chooseClips(environment, await findClipPairs(folder), n);
  const metrics = options.metrics ?? wantedMetrics(environment);
  using networks = await openMetricNetworks({ ...options, metrics, trunk: environment.lpips });
  const warnings = new Set<string>();
  const both = protocol === "corrected" && pairs.some(({ raw }) => raw !== undefined);
  const total = pairs.length * (both ? 2 : 1);
  let done = 0;
  const run = (source: FrameSource): Promise<ScoreSet> =>
    scoreAll({ pairs, environment, metrics, networks, device, warnings, source, options }, () =>
      options.onProgress?.(++done, total),
    );
  const scores = await run(protocol === "published" ? "video" : "lossless");
  const fromVideos = both ? await run("video") : undefined;
  const { missing, checksums } = networks;
  return {
    ...{ format: "vid2world-scores/1", folder, environment: name, protocol, scores },
    ...(fromVideos && { fromVideos }),
    ...{ missing, warnings: [...warnings], checksums: { ...checksums }, libtorch: libtorchVersion },
  };
}

/** All metrics that some part of the environment has. */
const wantedMetrics = ({ parts }: Environment): MetricName[] =>
  metricNames.filter((metric) => metric !== "fvd" || parts.some(({ clip }) => clip !== undefined));

interface Job {
  readonly pairs: readonly ClipPair[];
  readonly environment: Environment;
  readonly metrics: readonly MetricName[];
  readonly networks: MetricNetworks;
  readonly device: Device;
  readonly warnings: Set<string>;
  readonly source: FrameSource;
  readonly options: EvaluateOptions;
}

async function scoreAll(job: Job, onClip: () => void): Promise<ScoreSet> {
  const { pairs, environment, metrics, networks, device, warnings, source, options } = job;
  const clips: ClipReport[] = [];
  const sources = new Set<FrameSource>();
  using sets = featureSets(environment, networks);
  for (const pair of pairs) {
    options.signal?.throwIfAborted();
    const read = await readPair(pair, environment, source);
    sources.add(read.source);
    for (const warning of read.warnings) warnings.add(warning);
    const parts = scorePair(read, environment, metrics, networks, device);
    read.truth_TCHW.dispose();
    read.prediction_TCHW.dispose();
    parts.forEach(({ fid, fvd }, part) => sets.add(part, { fid, fvd }));
    clips.push({ name: pair.name, parts: parts.map(({ pictures }) => pictures) });
    onClip();
  }
  const parts = environment.parts.map(({ name }, part): PartReport => {
    const distances = sets.distances(part, warnings);
    return { name, pictures: summaries(clips, part, environment.batch, options.bootstrap), ...distances };
  });
  const [first = "video"] = sources;
  return { source: sources.size > 1 ? "mixed" : first, parts, clips };
}

function summaries(
  clips: readonly ClipReport[],
  part: number,
  batch: number,
  bootstrap: BootstrapOptions | undefined,
): Partial<Record<PictureMetric, MetricSummary>> {
  const names = Object.keys(clips[0]?.parts[part] ?? {}) as PictureMetric[];
  return Object.fromEntries(
    names.map((name) => [
      name,
      summarise(
        clips.map(({ parts }) => parts[part]?.[name] ?? []),
        batch,
        bootstrap,
      ),
    ]),
  );
}

type SetMetric = "fid" | "fvd";

interface FeatureSets extends Disposable {
  add(part: number, features: Readonly<Record<SetMetric, ClipFeatures | undefined>>): void;
  distances(part: number, warnings: Set<string>): Partial<Record<SetMetric, SetDistance>>;
}

/** Statistics of the true and the predicted clips' features, for every part and distance. */
function featureSets({ parts }: Environment, networks: MetricNetworks): FeatureSets {
  const statistics = parts.map(() => new Map<SetMetric, { truth: FeatureStatistics; prediction: FeatureStatistics }>());
  return {
    add(part, features) {
      for (const metric of ["fid", "fvd"] as const) {
        const found = features[metric];
        const width = networks[metric]?.width;
        if (!found || width === undefined) continue;
        const known = statistics[part] as Map<SetMetric, { truth: FeatureStatistics; prediction: FeatureStatistics }>;
        const set = known.get(metric) ?? {
          truth: new FeatureStatistics(width),
          prediction: new FeatureStatistics(width),
        };
        known.set(metric, set);
        set.truth.add(found.truth_ND);
        set.prediction.add(found.prediction_ND);
        found.truth_ND.dispose();
        found.prediction_ND.dispose();
      }
    },
    distances(part, warnings) {
      const found: Partial<Record<SetMetric, SetDistance>> = {};
      for (const [metric, { truth, prediction }] of statistics[part] ?? []) {
        const [vectors, features, network] = [truth.count, truth.width, networks[metric]?.name ?? ""];
        if (vectors < 2) {
          warnings.add(
            `${metric.toUpperCase()}: not computed from ${vectors} vector; a distance between sets needs more clips`,
          );
          continue;
        }
        if (truth.isRankDeficient)
          warnings.add(
            `${metric.toUpperCase()}: ${vectors} vectors of ${features} features: too few, the distance is biased upwards; compare only with the same number`,
          );
        found[metric] = { value: frechetDistanceOf(truth, prediction), vectors, features, network };
      }
      return found;
    },
    [Symbol.dispose]() {
      for (const part of statistics)
        for (const { truth, prediction } of part.values()) {
          truth.dispose();
          prediction.dispose();
        }
    },
  };
}
