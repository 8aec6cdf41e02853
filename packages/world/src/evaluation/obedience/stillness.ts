// Null action: does a world stand still while nothing is pressed?
import type { PictureSize } from "../../data/transforms.js";
import { average } from "../metrics/average.js";
import { pictureChanges } from "../metrics/picture-change.js";
import { bootstrapInterval, meanInterval } from "../statistics/bootstrap.js";
import type { Finding } from "../statistics/finding.js";
import type { RecordingReference } from "./recording-reference.js";

/**
 * Change from one predicted frame to the next while nothing is pressed, alone and as a share of that under the true actions. The first
 * predicted frame is left out: what was pressed before it still moves.
 */
export function stillnessFindings(
  atRest: readonly Uint8Array[],
  asTold: readonly Uint8Array[],
  { change, restChange, restPairs }: Pick<RecordingReference, "change" | "restChange" | "restPairs">,
  { height, width }: PictureSize,
): Finding[] {
  const changes = (clips: readonly Uint8Array[]): number[] =>
    clips.map((clip) => average(pictureChanges(clip, height * width * 3).slice(1)));
  const [resting, moving] = [changes(atRest), changes(asTold)];
  const both = resting.map((value, i) => [value, moving[i] ?? NaN] as const);
  const ratio = (sample: readonly (readonly [number, number])[]): number =>
    average(sample.map(([value]) => value)) / average(sample.map(([, value]) => value));
  const real =
    restChange === null
      ? ""
      : `; in the recordings ${(restChange / change).toFixed(2)} of the change of all frames (${restPairs} pairs at rest)`;
  const common = { test: "null action", episodes: atRest.length };
  return [
    {
      ...{ ...common, name: "change at rest", unit: "of 255", digits: 2, ...meanInterval(resting) },
      meaning: "mean change of a pixel from frame to frame while nothing is pressed; 0: the world stands still",
    },
    {
      ...{ ...common, name: "as a share of moving", unit: "", digits: 2, ...bootstrapInterval(both, ratio) },
      meaning: `the same over the change under the true actions; 1: it drifts as much as it moves${real}`,
    },
  ];
}
