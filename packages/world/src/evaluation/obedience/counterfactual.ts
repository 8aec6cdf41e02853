// Counterfactual swap: how much worse is a world told the actions of another clip? A world that ignores its actions is not worse at all.
import type { PictureSize } from "../../data/transforms.js";
import { scoreHorizons } from "../metrics/horizon.js";
import type { Start } from "../starts.js";
import { comparePaired, meanInterval } from "../statistics/bootstrap.js";
import type { Finding } from "../statistics/finding.js";

/** PSNR that the true actions gain over exchanged ones, in dB, and the share of starts where they gain any. */
export function counterfactualFindings(
  starts: readonly Start[],
  asTold: readonly Uint8Array[],
  swapped: readonly Uint8Array[],
  size: PictureSize,
): Finding[] {
  const scores = (clips: readonly Uint8Array[]): number[] =>
    clips.map((clip, i) => scoreHorizons([clip], [(starts[i] as Start).truth_THWC], size).psnrMean);
  const [told, others] = [scores(asTold), scores(swapped)];
  const { difference, pValue } = comparePaired(told, others);
  const common = { test: "counterfactual swap", episodes: starts.length };
  return [
    {
      ...{ ...common, name: "gain of the true actions", unit: "dB", digits: 2, ...difference, pValue },
      meaning: "PSNR under the true actions less that under another clip's; 0: the actions make no difference",
    },
    {
      ...{ ...common, name: "starts where they are better", unit: "", digits: 2 },
      ...meanInterval(told.map((score, i) => (score > (others[i] ?? NaN) ? 1 : 0))),
      meaning: "share of starts that look more like the truth under the true actions; chance is 0.5",
    },
  ];
}
