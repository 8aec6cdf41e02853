// Scores a folder of rollouts: every clip alone, in the order of names, then means with intervals and the distances between sets.
import { libtorchVersion, type Device, type Tensor } from "@vid2world/torch";
import { distanceResamples } from "../metrics/episode-features.js";
import { type BootstrapOptions, bootstrapDefaults } from "../statistics/bootstrap.js";
import { type ClipPair, findClipPairs } from "./clip-pairs.js";
import { chooseClips, type Environment, type EnvironmentName, environments } from "./environments.js";
import {
  foreignWeights,
  type MetricName,
  type MetricNetworkOptions,
  type MetricNetworks,
  metricNames,
  openMetricNetworks,
} from "./metric-networks.js";
import { type DistanceOptions, featureSets, type SetDistance, type TakenFeatures } from "./feature-sets.js";
import { type FrameSource, readPair, type VideoReader } from "./read-pair.js";
import { type PictureMetric, type PictureScores, scorePair } from "./score-pair.js";
import { type MetricSummary, summarise } from "./summary.js";

/** `published`: the published script, number for number. `corrected`: per-clip means, of lossless frames where they were kept. */
export type ScoreProtocol = "published" | "corrected";

/** What is scored, and how. */
export interface EvaluateOptions
  extends Pick<MetricNetworkOptions, "device" | "i3dRange" | "dreamSim" | "weightsRoot">, DistanceOptions {
  readonly environment: EnvironmentName;
  /** Default `corrected`. */
  readonly protocol?: ScoreProtocol;
  /** Scores the first n clips, whatever the protocol wants. */
  readonly n?: number | undefined;
  /** Default: all. */
  readonly metrics?: readonly MetricName[] | undefined;
  /** Networks that are open already, which stay open. Default: those whose weights are on this machine. */
  readonly networks?: MetricNetworks;
  /** Folder of statistics that FID and FVD are taken against, in place of the true clips'; as `saveStatistics` wrote them. */
  readonly reference?: string | undefined;
  /** Folder to write the statistics of features to. */
  readonly saveStatistics?: string | undefined;
  /** How videos are read; default: by ffmpeg. For frames that a program has already, or that lie elsewhere. */
  readonly readVideo?: VideoReader;
  readonly onProgress?: (done: number, total: number) => void;
  /** Sees the true frames of every clip, [T 3 H W] in [-1, 1], as they are scored; they are freed afterwards. */
  readonly onTruth?: (clip: string, truth_TCHW: Tensor) => void;
  /** Is given the features behind FID and FVD, by part of the frames, and frees them; default: they are freed. */
  readonly onFeatures?: (features: readonly TakenFeatures[]) => void;
  readonly signal?: AbortSignal;
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
  /** How the intervals were drawn. */
  readonly intervals: {
    readonly confidence: number;
    readonly seed: number;
    readonly resamples: number;
    readonly distanceResamples: number;
  };
  readonly libtorch: string;
}

/** Scores the rollouts in `folder`. The same clips give the same report, to the last bit, on the CPU. */
export async function evaluateFolder(folder: string, options: EvaluateOptions): Promise<FolderReport> {
  const { environment: name, protocol = "corrected", n, device = "cpu" } = options;
  const environment = environments[name];
  const pairs = chooseClips(environment, await findClipPairs(folder), n);
  const metrics = options.metrics ?? metricNames;
  using networks = options.networks ? borrowed(options.networks) : await openNetworks(options);
  const missing = { ...networks.missing, ...notInProtocol(environment, options.metrics) };
  const warnings = new Set(foreignWeights(networks.checksums, options.weightsRoot));
  if (pairs.length === 1) warnings.add("one clip only: no intervals, as they are of the differences between clips");
  const both = protocol === "corrected" && pairs.some(({ raw }) => raw !== undefined);
  const total = pairs.length * (both ? 2 : 1);
  let done = 0;
  const { onFeatures: _, ...asVideos } = { ...options, saveStatistics: undefined };
  const run = (source: FrameSource, how: EvaluateOptions = options): Promise<ScoreSet> => {
    return scoreAll({ pairs, environment, metrics, networks, device, warnings, missing, source, options: how }, () =>
      options.onProgress?.(++done, total),
    );
  };
  const scores = await run(protocol === "published" ? "video" : "lossless");
  // What is kept is what the scores are of.
  const fromVideos = both ? await run("video", asVideos) : undefined;
  const { resamples, confidence, seed } = { ...bootstrapDefaults, ...options.bootstrap };
  const drawn = options.distanceResamples ?? distanceResamples;
  return {
    ...{ format: "vid2world-scores/1", folder, environment: name, protocol, scores },
    ...(fromVideos && { fromVideos }),
    ...{ missing, warnings: [...warnings], checksums: { ...networks.checksums } },
    intervals: { confidence, seed, resamples, distanceResamples: drawn },
    libtorch: libtorchVersion,
  };
}

/** The same networks, which the caller disposes. */
const borrowed = (networks: MetricNetworks): MetricNetworks => ({ ...networks, [Symbol.dispose]: () => undefined });

/** Opens the networks that scoring with these options needs: once, where several folders are scored. */
export function openNetworks(options: EvaluateOptions): Promise<MetricNetworks> {
  const environment = environments[options.environment];
  const wanted = options.metrics ?? metricNames;
  const metrics = wanted.filter((metric) => metric !== "fvd" || scoresClips(environment));
  return openMetricNetworks({ ...options, metrics, trunk: environment.lpips });
}

const scoresClips = ({ parts }: Environment): boolean => parts.some(({ clip }) => clip !== undefined);

/** What was asked for by name and the environment does not score. */
function notInProtocol(environment: Environment, asked: readonly MetricName[] | undefined): MissingMetrics {
  if (scoresClips(environment) || asked?.includes("fvd") !== true) return {};
  return { fvd: `not part of this protocol: ${environment.title} scores single frames, and FVD whole clips` };
}

type MissingMetrics = Partial<Record<MetricName, string>>;

interface Job {
  readonly pairs: readonly ClipPair[];
  readonly environment: Environment;
  readonly metrics: readonly MetricName[];
  readonly networks: MetricNetworks;
  readonly device: Device;
  readonly warnings: Set<string>;
  /** Grows where clips are such that a metric cannot be computed. */
  readonly missing: MissingMetrics;
  readonly source: FrameSource;
  readonly options: EvaluateOptions;
}

async function scoreAll(job: Job, onClip: () => void): Promise<ScoreSet> {
  const { pairs, environment, metrics, device, warnings, missing, source, options } = job;
  let { networks } = job;
  const clips: ClipReport[] = [];
  const sources = new Set<FrameSource>();
  using sets = featureSets(environment, networks, options);
  for (const pair of pairs) {
    options.signal?.throwIfAborted();
    const read = await readPair(pair, environment, source, options.readVideo);
    sources.add(read.source);
    for (const warning of read.warnings) warnings.add(warning);
    options.onTruth?.(pair.name, read.truth_TCHW);
    const short = tooShort(environment, networks, read.truth_TCHW.size(0));
    if (short !== undefined) {
      missing.fvd = `clip ${pair.name} has ${short}`;
      const { fvd: _, ...others } = networks;
      networks = others;
    }
    const parts = scorePair(read, environment, metrics, networks, device);
    read.truth_TCHW.dispose();
    read.prediction_TCHW.dispose();
    parts.forEach(({ fid, fvd }, part) => sets.add(part, { fid, fvd }));
    clips.push({ name: pair.name, parts: parts.map(({ pictures }) => pictures) });
    onClip();
  }
  const parts: PartReport[] = [];
  for (const [part, { name }] of environment.parts.entries()) {
    const { fid, fvd } = await sets.distances(part, warnings, options.reference);
    const distances = { ...(fid && { fid }), ...(fvd && missing.fvd === undefined && { fvd }) };
    parts.push({ name, pictures: summaries(clips, part, environment.batch, options.bootstrap), ...distances });
  }
  if (options.saveStatistics !== undefined) await sets.save(options.saveStatistics);
  options.onFeatures?.(sets.take());
  const [first = "video"] = sources;
  return { source: sources.size > 1 ? "mixed" : first, parts, clips };
}

/** Why a clip of `frames` has no features for FVD; undefined where it has. */
function tooShort({ parts }: Environment, { fvd }: MetricNetworks, frames: number): string | undefined {
  const needed = fvd?.minimumFrames ?? 1;
  const scored = Math.min(...parts.map(({ clip }) => clip?.(frames).length ?? Infinity));
  return fvd && scored < needed ? `${scored} frames, and ${fvd.name} needs ${needed}` : undefined;
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
