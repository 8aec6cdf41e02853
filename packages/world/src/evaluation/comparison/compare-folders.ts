// Several systems on the same clips: every folder scored alike, and every metric compared clip by clip with the first folder.
import path from "node:path";
import { FormatError, invalid } from "@vid2world/formats";
import { adaptiveAvgPool2d, scope, type Tensor } from "@vid2world/torch";
import { average } from "../metrics/average.js";
import { findClipPairs } from "../scores/clip-pairs.js";
import { evaluateFolder, type EvaluateOptions, type FolderReport, openNetworks } from "../scores/evaluate-folder.js";
import type { TakenFeatures } from "../scores/feature-sets.js";
import { metricTitles } from "../scores/score-text.js";
import type { PictureMetric } from "../scores/score-pair.js";
import { comparePaired } from "../statistics/bootstrap.js";
import { compareSets, freeFeatures, type SystemFeatures } from "./compare-sets.js";
import { type ComparedMetric, type ComparedSystem, judged } from "./compared-metric.js";

/** What a comparison finds. */
export interface ComparisonReport {
  readonly format: "vid2world-comparison/1";
  readonly systems: readonly ComparedSystem[];
  readonly comparisons: readonly ComparedMetric[];
  /** Names of the clips, the worst first: by the mean over systems of `rankedBy`; by name where no metric scores single clips. */
  readonly worstFirst: readonly string[];
  readonly rankedBy?: PictureMetric;
  readonly warnings: readonly string[];
}

/** Metrics that clips are ranked by, the nearest to what people see first. */
const ranking: readonly PictureMetric[] = ["dreamsim", "lpips", "ssim", "psnr", "mse"];

/** Scores `folders` and compares the second and later ones with the first. All must hold clips of the same names. */
export async function compareFolders(
  folders: readonly string[],
  options: Omit<EvaluateOptions, "onProgress" | "onTruth"> & {
    readonly onProgress?: (done: number, total: number) => void;
  },
): Promise<ComparisonReport> {
  if (folders.length === 0) throw invalid("folders", "at least one folder of rollouts", "none");
  await requireSameClips(folders);
  const names = shortNames(folders);
  const systems: ComparedSystem[] = [];
  const distances: ComparedMetric[] = [];
  const remarks = new Set<string>();
  const truths = new TrueClips();
  let base: SystemFeatures | undefined;
  using networks = options.networks ? undefined : await openNetworks(options);
  try {
    for (const [index, folder] of folders.entries()) {
      const onProgress = (done: number, total: number): void =>
        options.onProgress?.(index * total + done, folders.length * total);
      const onTruth = (clip: string, truth_TCHW: Tensor): void => truths.check(folder, clip, truth_TCHW);
      let features: readonly TakenFeatures[] = [];
      const report = await evaluateFolder(folder, {
        ...{ ...options, ...(networks && { networks }), onProgress, onTruth },
        onFeatures: (taken) => (features = taken),
      });
      const system = { name: names[index] as string, report };
      systems.push(system);
      if (base === undefined) base = { system, features };
      else {
        distances.push(...compareSets(base, { system, features }, options, remarks));
        freeFeatures(features);
      }
    }
  } finally {
    freeFeatures(base?.features ?? []);
  }
  return compareReports(systems, distances, [...remarks]);
}

/** Compares systems that are scored already, on the same clips, with the first one of them; `distances` are those of sets. */
export function compareReports(
  systems: readonly ComparedSystem[],
  distances: readonly ComparedMetric[] = [],
  remarks: readonly string[] = [],
): ComparisonReport {
  const [base, ...others] = systems;
  if (!base) throw invalid("systems", "at least one", "none");
  const computed = Object.keys(base.report.scores.parts[0]?.pictures ?? {});
  const rankedBy = ranking.find((metric) => computed.includes(metric));
  return {
    ...{ format: "vid2world-comparison/1", systems, ...(rankedBy && { rankedBy }) },
    comparisons: others.flatMap((system) => [
      ...compared(base, system),
      ...distances.filter(({ system: name }) => name === system.name),
    ]),
    worstFirst: rankedBy ? clipsByBadness(systems, rankedBy) : base.report.scores.clips.map(({ name }) => name),
    warnings: [...new Set([...systems.flatMap(({ report }) => report.warnings), ...remarks])],
  };
}

/** Side of the small pictures that true frames are told apart by, and how far they may differ: coding loss hardly changes them. */
const [thumbnail, codingLoss] = [8, 0.1];

/** The true clips of the first system: those of the others must be the same, or clips of one name are no pairs. */
class TrueClips {
  readonly #seen = new Map<string, { readonly folder: string; readonly small: Float32Array }>();

  check(folder: string, clip: string, truth_TCHW: Tensor): void {
    using small_TCHW = scope(() => adaptiveAvgPool2d(truth_TCHW, [thumbnail, thumbnail]).to("cpu").contiguous());
    const small = small_TCHW.toTypedArray() as Float32Array;
    const known = this.#seen.get(clip);
    if (known === undefined) return void this.#seen.set(clip, { folder, small });
    if (known.folder === folder) return; // the same frames again, from the videos
    const same =
      known.small.length === small.length &&
      small.every((value, i) => Math.abs(value - (known.small[i] ?? NaN)) <= codingLoss);
    if (!same)
      throw new FormatError(
        folder,
        `clip ${clip} has other true frames than in ${known.folder}; systems are compared on the same clips`,
      );
  }
}

/** Means over the frames of each clip, by clip in the report's order. */
export function clipMeans({ scores }: FolderReport, part: number, metric: PictureMetric): number[] {
  return scores.clips.map(({ parts }) => average(parts[part]?.[metric] ?? []));
}

function compared(base: ComparedSystem, system: ComparedSystem): ComparedMetric[] {
  return system.report.scores.parts.flatMap(({ name, pictures }, part) =>
    (Object.keys(pictures) as PictureMetric[]).map((metric) => {
      const result = comparePaired(clipMeans(system.report, part, metric), clipMeans(base.report, part, metric));
      return judged({ ...result, system: system.name, part, frames: name, metric });
    }),
  );
}

function clipsByBadness(systems: readonly ComparedSystem[], metric: PictureMetric): string[] {
  const sign = metricTitles[metric].better === "higher" ? -1 : 1;
  const clips = systems[0]?.report.scores.clips ?? [];
  const means = systems.map(({ report }) => clipMeans(report, 0, metric));
  const badness = clips.map((_, i) => sign * average(means.map((scores) => scores[i] ?? NaN)));
  const order = clips.map((_, i) => i).sort((a, b) => (badness[b] ?? 0) - (badness[a] ?? 0));
  return order.map((i) => clips[i]?.name ?? "");
}

async function requireSameClips(folders: readonly string[]): Promise<void> {
  const [first = "", ...others] = folders;
  const wanted = (await findClipPairs(first)).map(({ name }) => name);
  for (const folder of others) {
    const found = new Set((await findClipPairs(folder)).map(({ name }) => name));
    const missing = wanted.find((name) => !found.has(name));
    const extra = [...found].find((name) => !wanted.includes(name));
    if (missing !== undefined || extra !== undefined)
      throw new FormatError(
        folder,
        `${missing === undefined ? `has clip ${extra}, which ${first} lacks` : `lacks clip ${missing} of ${first}`}; systems are compared on the same clips`,
      );
  }
}

/** The last parts of the paths, as many as it takes to tell them apart. */
export function shortNames(folders: readonly string[]): string[] {
  const parts = folders.map((folder) => path.resolve(folder).split(path.sep));
  const longest = Math.max(...parts.map(({ length }) => length));
  for (let count = 1; count < longest; count++) {
    const names = parts.map((part) => part.slice(-count).join("/"));
    if (new Set(names).size === names.length) return names;
  }
  return folders.map((folder, i) => `${i + 1}: ${folder}`);
}
