// Clips in memory are scored by networks as folders of clips are; what cannot be computed is said, never left out.
import { liveTensors, type Tensor } from "@vid2world/torch";
import { expect, test } from "vitest";
import { networkScores, type ScoredClip } from "./network-scores.js";
import type { MetricNetworks } from "./scores/metric-networks.js";

const [height, width, frames] = [4, 6, 2];
const noise = (seed: number): Uint8Array =>
  Uint8Array.from({ length: frames * height * width * 3 }, (_, i) => (i * (7919 + seed)) % 251);
const dispose = (): void => undefined;

/** Networks that tell the mean of what they are shown. */
function networks(minimumFrames: number): MetricNetworks {
  const network = (features: (x: Tensor) => Tensor) => ({ name: "mean", width: 1, features, dispose, [Symbol.dispose]: dispose }); // prettier-ignore
  return {
    fid: network((x_TCHW) => x_TCHW.mean([1, 2, 3]).unsqueeze(1)),
    fvd: { ...network((x_BTCHW) => x_BTCHW.mean([1, 2, 3, 4]).unsqueeze(1)), minimumFrames },
    missing: { lpips: "its weights are missing" },
    checksums: {},
    ...{ dispose, [Symbol.dispose]: dispose },
  };
}
const score = (clips: readonly ScoredClip[], minimumFrames = 1) =>
  networkScores(clips, ["lpips", "fid", "fvd"], {
    ...{ height, width, device: "cpu" },
    open: () => Promise.resolve(networks(minimumFrames)),
  });

test("equal clips are at distance zero, others are not, and no tensor is left", async () => {
  const before = liveTensors();
  const equal = await score([1, 2].map((seed) => ({ prediction_THWC: noise(seed), truth_THWC: noise(seed) })));
  expect(equal.scores.fid).toBeCloseTo(0, 10);
  expect(equal.scores.fvd).toBeCloseTo(0, 10);
  expect(equal.missing).toEqual({ lpips: "its weights are missing" });
  const other = await score([1, 2].map((seed) => ({ prediction_THWC: noise(seed).map((x) => x / 2), truth_THWC: noise(seed) }))); // prettier-ignore
  expect(other.scores.fid).toBeGreaterThan(0.1);
  expect(liveTensors()).toBe(before);
});

test("clips too short for FVD's network, and a single clip, are reasons and not numbers", async () => {
  const { scores, missing } = await score([{ prediction_THWC: noise(1), truth_THWC: noise(2) }], 9);
  expect(Object.keys(scores)).toEqual(["fid"]);
  expect(missing.fvd).toBe("clips of 2 frames, and mean needs 9");
  const one = await score([{ prediction_THWC: noise(1), truth_THWC: noise(2) }]);
  expect(one.missing.fvd).toMatch(/^FVD: not computed from 1 vector/);
});
