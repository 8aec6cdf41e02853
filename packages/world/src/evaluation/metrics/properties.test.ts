// What every metric must hold: equal pictures score best, order of a pair does not matter, growing damage scores worse, and neither the batch
// nor the order of pictures changes a bit.
import { cat, scope, type Tensor } from "@vid2world/torch";
import { describe, expect, test } from "vitest";
import { psnr } from "./psnr.js";
import { ssim } from "./ssim.js";
import { damagedPictures } from "./testing/damaged-pictures.js";

const count = 6;
const { pictures, damages } = await damagedPictures(count, 40, 50);
const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float64Array);

const metrics = { psnr, ssim } as const;
const best = { psnr: 80, ssim: 1 } as const;

describe.each(Object.entries(metrics))("%s", (name, metric) => {
  test("equal pictures score best, and the pair's order does not matter", () => {
    const equal = numbers(metric(pictures, pictures));
    for (const score of equal) expect(score).toBeCloseTo(best[name as keyof typeof best], 6);
    const other = damages.noise(2);
    expect(numbers(metric(pictures, other))).toEqual(numbers(metric(other, pictures)));
  });

  test.each(Object.entries(damages))("growing %s scores worse, picture by picture", (damage, damaged) => {
    const rows = [1, 2, 3, 4].map((strength) => numbers(metric(pictures, damaged(strength)))); // prettier-ignore
    for (let picture = 0; picture < count; picture++) {
      const scores = rows.map((row) => row[picture] ?? NaN);
      expect(scores, `${damage} of picture ${picture}`).toEqual([...scores].sort((a, b) => b - a));
      expect(new Set(scores).size).toBe(4);
    }
  });

  test("neither batch nor order changes a bit", () => {
    const other = damages.blur(1);
    const together = numbers(metric(pictures, other));
    const alone = Array.from({ length: count }, (_, i) =>
      scope(() => numbers(metric(pictures.narrow(0, i, 1).clone(), other.narrow(0, i, 1).clone()))[0]),
    );
    expect(alone).toEqual(together);
    const turned = (x: Tensor): Tensor => cat(Array.from({ length: count }, (_, i) => x.narrow(0, count - 1 - i, 1)));
    expect(numbers(metric(turned(pictures), turned(other)))).toEqual([...together].reverse());
  });
});
