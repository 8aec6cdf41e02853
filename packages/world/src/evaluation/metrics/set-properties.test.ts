// What FID and FVD must hold whatever the network: along their whole path, with small random networks of pictures and of clips in the place of
// InceptionV3 and I3D.
// Axes: N pictures or clips, T frames, D features.
import { conv2d, conv3d, Generator, randn, scope, stack, tensor, type Tensor } from "@vid2world/torch";
import { describe, expect, test } from "vitest";
import { type FeatureNetwork, oneByOne } from "../networks/feature-network.js";
import { FeatureStatistics } from "./feature-statistics.js";
import { frechetDistanceOf } from "./frechet.js";
import { damagedPictures } from "./testing/damaged-pictures.js";

const count = 12;
const { pictures, damages } = await damagedPictures(count, 20, 25);
const weights = (seed: number, shape: readonly number[]): Tensor =>
  randn(shape, { generator: new Generator({ device: "cpu", seed }) });

function network(name: string, compute: (input: Tensor) => Tensor): FeatureNetwork {
  const dispose = (): void => undefined;
  return { name, width: 3 * 4 * 5, features: (x) => oneByOne(x, compute), dispose, [Symbol.dispose]: dispose };
}

const kernel_2d = weights(1, [3, 3, 5, 5]);
const kernel_3d = weights(2, [3, 3, 2, 5, 5]);
const ofPictures = network("pictures", (x) => conv2d(x, kernel_2d, { stride: 5 }).relu().flatten({ startDim: 1 }));
const ofClips = network(
  "clips",
  (x) =>
  conv3d(x.transpose(1, 2), kernel_3d, { stride: [1, 5, 5] }).relu().mean([2]).flatten({ startDim: 1 }), // prettier-ignore
);
/** Clips of three frames that move by a pixel: [N T C H W]. */
const clipsOf = (x_NCHW: Tensor): Tensor =>
  stack(
    [0, 1, 2].map((t) => x_NCHW.roll([t], { dims: [3] })),
    { dim: 1 },
  );

const cases = [
  ["FID's path", ofPictures, (x: Tensor): Tensor => x],
  ["FVD's path", ofClips, clipsOf],
] as const;

describe.each(cases)("%s", (_name, net, inputs) => {
  /** Statistics of features that come `size` at a time. */
  const statisticsOf = (x_NCHW: Tensor, size = count): FeatureStatistics => {
    const statistics = new FeatureStatistics(net.width);
    for (let from = 0; from < x_NCHW.size(0); from += size)
      scope(() => statistics.add(net.features(inputs(x_NCHW.narrow(0, from, Math.min(size, x_NCHW.size(0) - from))))));
    return statistics;
  };
  const distance = (a: Tensor, b: Tensor, size?: number): number => {
    using first = statisticsOf(a, size);
    using second = statisticsOf(b, size);
    return frechetDistanceOf(first, second);
  };
  const picked = (rows: readonly number[]): Tensor => pictures.indexSelect(0, tensor(rows, { dtype: "int64" }));

  test("equal sets are at distance 0, and the order of the two does not matter", () => {
    const other = damages.noise(3);
    expect(Math.abs(distance(pictures, pictures))).toBeLessThan(1e-6 * distance(pictures, other));
    expect(distance(pictures, other)).toBeCloseTo(distance(other, pictures), 6);
  });

  test.each(Object.entries(damages))("growing %s is further away", (_damage, damaged) => {
    const distances = [1, 2, 3, 4].map((strength) => distance(damaged(strength), pictures));
    expect(distances[0]).toBeGreaterThan(0);
    expect(distances).toEqual([...distances].sort((a, b) => a - b));
    expect(new Set(distances).size).toBe(4);
  });

  test("what comes at once changes no bit, the order of clips nothing, and several processes' shares join", () => {
    const other = damages.blur(2);
    const together = distance(pictures, other);
    for (const size of [1, 5]) expect(distance(pictures, other, size)).toBe(together);
    const turned = Array.from({ length: count }, (_, i) => (5 * i + 3) % count);
    expect(distance(picked(turned), other) / together).toBeCloseTo(1, 9);
    using first = statisticsOf(pictures.narrow(0, 0, 5));
    using rest = statisticsOf(pictures.narrow(0, 5, count - 5));
    first.merge(rest);
    using others = statisticsOf(other);
    expect(frechetDistanceOf(first, others) / together).toBeCloseTo(1, 9);
  });
});
