// FID and FVD of two systems: distances of whole sets, whose differences are tested by exchanging episodes between the systems.
import type { EvaluateOptions } from "../scores/evaluate-folder.js";
import { directionsText, type TakenFeatures } from "../scores/feature-sets.js";
import { type ComparedMetric, type ComparedSystem, judged } from "./compared-metric.js";

/** A system with the features that its distances are of, by part of the frames. */
export interface SystemFeatures {
  readonly system: ComparedSystem;
  readonly features: readonly TakenFeatures[];
}

/** FID and FVD of a system against those of the first one, where the features of both were kept; what a reader must know goes to `remarks`. */
export function compareSets(
  base: SystemFeatures,
  { system, features }: SystemFeatures,
  { distanceResamples, bootstrap, reference }: Pick<EvaluateOptions, "distanceResamples" | "bootstrap" | "reference">,
  remarks: Set<string>,
): ComparedMetric[] {
  if (distanceResamples === 0 || reference !== undefined) return [];
  const resamples = distanceResamples === undefined ? {} : { resamples: distanceResamples };
  return system.report.scores.parts.flatMap((own, part) =>
    (["fid", "fvd"] as const).flatMap((metric): ComparedMetric[] => {
      const [distance, baseDistance] = [own[metric], base.system.report.scores.parts[part]?.[metric]];
      const [ours, theirs] = [features[part]?.get(metric), base.features[part]?.get(metric)];
      if (!distance || !baseDistance || !ours?.vectors || !theirs?.vectors) return [];
      const { share, ...result } = ours.comparePaired(theirs, distance.value - baseDistance.value, {
        ...bootstrap,
        ...resamples,
      });
      if (share < 1) remarks.add(directionsText(metric, distance.features, share));
      return [judged({ ...result, system: system.name, part, frames: own.name, metric })];
    }),
  );
}

/** Frees the features. */
export const freeFeatures = (features: readonly TakenFeatures[]): void => {
  for (const part of features) for (const episodes of part.values()) episodes.dispose();
};
