// Statistics of features in a folder: kept as a reference for later evaluations, or joined from the shares of several processes.
// Files: METRIC[-PART].truth.safetensors and METRIC[-PART].prediction.safetensors.
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { FormatError, invalid, openSafetensors } from "@vid2world/formats";
import { FeatureStatistics } from "../metrics/feature-statistics.js";
import { frechetDistanceOf } from "../metrics/frechet.js";
import type { SetMetric } from "./feature-sets.js";

/** Which features: of the true or of the predicted clips. */
export type SetSide = "truth" | "prediction";

/** Where the statistics of a metric in a part of the frames lie. */
export function statisticsFile(folder: string, metric: SetMetric, part: string, side: SetSide): string {
  const name = part === "" ? metric : `${metric}-${part.replaceAll(/\W+/g, "-")}`;
  return path.join(folder, `${name}.${side}.safetensors`);
}

/** Writes statistics; `network` is kept with them, so that they are never compared with another one's. */
export async function saveStatistics(file: string, statistics: FeatureStatistics, network: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await statistics.save(file, network);
}

/** Reads statistics of features of `network`. The caller frees them. @throws FormatError for another network's, or a missing file */
export async function loadStatistics(file: string, network: string): Promise<FeatureStatistics> {
  if (!existsSync(file))
    throw new FormatError(file, "is missing; write statistics with vid2world evaluate --save-statistics");
  const found = await networkOf(file);
  if (found !== network) throw new FormatError(file, `holds features of ${found}, not of ${network}`);
  return FeatureStatistics.load(file);
}

async function networkOf(file: string): Promise<string> {
  await using opened = await openSafetensors(file);
  return opened.metadata["features"] ?? "an unknown network";
}

/** A distance of sets that several processes have seen. */
export interface MergedDistance {
  /** Metric, with the part of the frames where there are several. */
  readonly name: string;
  readonly value: number;
  readonly vectors: number;
  readonly network: string;
  /** Fewer vectors than features: the distance is biased upwards. */
  readonly tooFew: boolean;
}

/** Joins what several evaluations wrote by `--save-statistics`, each of its share of the clips, and gives the distances of all of them. */
export async function mergedDistances(folders: readonly string[]): Promise<MergedDistance[]> {
  const [first] = folders;
  if (first === undefined) throw invalid("folders", "at least one folder of statistics", "none");
  const ending = ".truth.safetensors";
  const names = (await readdir(first))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length));
  if (names.length === 0)
    throw new FormatError(first, "holds no statistics; write them with vid2world evaluate --save-statistics");
  const distances: MergedDistance[] = [];
  for (const name of names.sort()) {
    const network = await networkOf(path.join(first, name + ending));
    using truth = await merged(folders, `${name}${ending}`, network);
    using prediction = await merged(folders, `${name}.prediction.safetensors`, network);
    const value = frechetDistanceOf(truth, prediction);
    distances.push({ name, value, vectors: truth.count, network, tooFew: truth.isRankDeficient });
  }
  return distances;
}

async function merged(folders: readonly string[], file: string, network: string): Promise<FeatureStatistics> {
  const [first = "", ...others] = folders.map((folder) => path.join(folder, file));
  const all = await loadStatistics(first, network);
  for (const other of others) {
    using statistics = await loadStatistics(other, network);
    all.merge(statistics);
  }
  return all;
}
