// LPIPS, DreamSim, FID and FVD of clips that are in memory: what validation inside training measures beside PSNR. The networks are opened
// for as long as it takes, so that training has its memory back.
// Axes: T frames, H height, W width, C colours (RGB bytes), N vectors.
import { type Device, fromTypedArray, scope, type Tensor } from "@vid2world/torch";
import { average } from "./metrics/average.js";
import { environments } from "./scores/environments.js";
import { featureSets } from "./scores/feature-sets.js";
import {
  type MetricName,
  type MetricNetworks,
  type NetworkMetric,
  openMetricNetworks,
} from "./scores/metric-networks.js";
import { scorePair } from "./scores/score-pair.js";

/** A prediction and what really happened, N*H*W*3 bytes each. */
export interface ScoredClip {
  readonly prediction_THWC: Uint8Array;
  readonly truth_THWC: Uint8Array;
}

/** How clips are scored. */
export interface NetworkScoreOptions {
  readonly height: number;
  readonly width: number;
  readonly device: Device;
  /** Opens the networks; default: those whose weights are on this machine. */
  readonly open?: () => Promise<MetricNetworks>;
  readonly signal?: AbortSignal | undefined;
}

/** What was found. */
export interface NetworkScores {
  /** Means over all frames of all clips; FID and FVD between the two sets. */
  readonly scores: Readonly<Partial<Record<NetworkMetric, number>>>;
  /** Why a metric that was asked for is not there. */
  readonly missing: Readonly<Partial<Record<MetricName, string>>>;
}

const own = environments.own;

/** Scores all clips together, as `vid2world evaluate --env own` does. */
export async function networkScores(
  clips: readonly ScoredClip[],
  metrics: readonly NetworkMetric[],
  { height, width, device, signal, ...options }: NetworkScoreOptions,
): Promise<NetworkScores> {
  const open = options.open ?? (() => openMetricNetworks({ metrics, trunk: own.lpips, device }));
  using networks = await open();
  const missing = { ...networks.missing };
  const frames = (clips[0]?.truth_THWC.length ?? 0) / (height * width * 3);
  const { fvd, ...others } = networks;
  const needed = fvd?.minimumFrames ?? 1;
  if (fvd && frames < needed) missing.fvd = `clips of ${frames} frames, and ${fvd.name} needs ${needed}`;
  const usable = missing.fvd === undefined ? networks : others;
  using sets = featureSets(own, usable, { distanceResamples: 0 });
  const perClip: Partial<Record<"lpips" | "dreamsim", number[]>> = {};
  for (const clip of clips) {
    signal?.throwIfAborted();
    const [truth_TCHW, prediction_TCHW] = scope(
      () => [pictures(clip.truth_THWC, height, width), pictures(clip.prediction_THWC, height, width)] as const,
    );
    const [part] = scorePair({ truth_TCHW, prediction_TCHW }, own, metrics, usable, device);
    truth_TCHW.dispose();
    prediction_TCHW.dispose();
    if (!part) continue;
    for (const name of ["lpips", "dreamsim"] as const) {
      const values = part.pictures[name];
      if (values) perClip[name] = [...(perClip[name] ?? []), average(values)];
    }
    sets.add(0, { fid: part.fid, fvd: part.fvd });
    await new Promise((resolve) => setImmediate(resolve)); // signals
  }
  const warnings = new Set<string>();
  const distances = await sets.distances(0, warnings);
  for (const name of ["fid", "fvd"] as const)
    if (metrics.includes(name) && missing[name] === undefined && !distances[name])
      missing[name] = [...warnings].find((text) => text.startsWith(name.toUpperCase())) ?? "not computed";
  return {
    scores: Object.fromEntries([
      ...Object.entries(perClip).map(([name, values]) => [name, average(values)] as const),
      ...Object.entries(distances).map(([name, distance]) => [name, distance.value] as const),
    ]),
    missing,
  };
}

/** Bytes T*H*W*3 -> [T 3 H W] in [-1, 1] */
const pictures = (bytes_THWC: Uint8Array, height: number, width: number): Tensor =>
  fromTypedArray(bytes_THWC, [bytes_THWC.length / (height * width * 3), height, width, 3])
    .permute([0, 3, 1, 2])
    .to("float32")
    .div(127.5)
    .sub(1);
