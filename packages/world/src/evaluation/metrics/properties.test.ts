// What every metric must hold: equal pictures score best, order of a pair does not matter, growing damage scores worse, and neither the batch
// nor the order of pictures changes a bit.
import { decodeImage, encodeImage } from "@vid2world/formats";
import { cat, fromTypedArray, scope, stack, type Tensor } from "@vid2world/torch";
import { avgPool2d, upsampleBilinear2d } from "@vid2world/torch";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../starts.js";
import { psnr } from "./psnr.js";
import { ssim } from "./ssim.js";

const [count, height, width] = [6, 40, 48];
const random = seededRandom(11);
const noise = (shape: readonly number[]): Tensor =>
  fromTypedArray(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random()),
    shape,
  );
/** Smooth random pictures [N 3 H W] in 0..1. */
const pictures = upsampleBilinear2d(noise([count, 3, 8, 10]), [height, width], false).clone();
const grain = noise([count, 3, height, width]).sub(0.5);
const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float64Array);

/** The pictures as JPEG files of falling quality show them. */
const compressed = await Promise.all([80, 40, 15, 4].map((quality) => jpegOf(quality)));

async function jpegOf(quality: number): Promise<Tensor> {
  const decoded: Tensor[] = [];
  for (let i = 0; i < count; i++) {
    using bytes_HWC = scope(() => pictures.select(0, i).mul(255).round().to("uint8").permute([1, 2, 0]).contiguous());
    const data_HWC = bytes_HWC.toTypedArray() as Uint8Array;
    const jpeg = await encodeImage({ height, width, data_HWC }, "jpg", { quality });
    const shown = await decodeImage(jpeg);
    decoded.push(
      scope(() => fromTypedArray(shown.data_HWC, [height, width, 3]).permute([2, 0, 1]).to("float32").div(255).clone()),
    );
  }
  return stack(decoded);
}

const metrics = { psnr, ssim } as const;
const best = { psnr: 80, ssim: 1 } as const;

/** Damage of a strength from 1 to 4, each stronger than the one before. */
const damages: Readonly<Record<string, (strength: number) => Tensor>> = {
  noise: (strength) => pictures.add(grain.mul(0.05 * strength)).clamp({ min: 0, max: 1 }),
  blur: (strength) => avgPool2d(pictures, 2 * strength + 1, { stride: 1, padding: strength, countIncludePad: false }),
  shift: (strength) => pictures.roll([strength], { dims: [3] }),
  compression: (strength) => compressed[strength - 1] as Tensor,
};

describe.each(Object.entries(metrics))("%s", (name, metric) => {
  test("equal pictures score best, and the pair's order does not matter", () => {
    const equal = numbers(metric(pictures, pictures));
    for (const score of equal) expect(score).toBeCloseTo(best[name as keyof typeof best], 6);
    const other = damages["noise"]?.(2) as Tensor;
    expect(numbers(metric(pictures, other))).toEqual(numbers(metric(other, pictures)));
  });

  test.each(Object.keys(damages))("growing %s scores worse, picture by picture", (damage) => {
    const rows = [1, 2, 3, 4].map((strength) => numbers(metric(pictures, (damages[damage] as (s: number) => Tensor)(strength)))); // prettier-ignore
    for (let picture = 0; picture < count; picture++) {
      const scores = rows.map((row) => row[picture] ?? NaN);
      expect(scores, `${damage} of picture ${picture}`).toEqual([...scores].sort((a, b) => b - a));
      expect(new Set(scores).size).toBe(4);
    }
  });

  test("neither batch nor order changes a bit", () => {
    const other = damages["blur"]?.(1) as Tensor;
    const together = numbers(metric(pictures, other));
    const alone = Array.from({ length: count }, (_, i) =>
      scope(() => numbers(metric(pictures.narrow(0, i, 1).clone(), other.narrow(0, i, 1).clone()))[0]),
    );
    expect(alone).toEqual(together);
    const turned = (x: Tensor): Tensor => cat(Array.from({ length: count }, (_, i) => x.narrow(0, count - 1 - i, 1)));
    expect(numbers(metric(turned(pictures), turned(other)))).toEqual([...together].reverse());
  });
});
