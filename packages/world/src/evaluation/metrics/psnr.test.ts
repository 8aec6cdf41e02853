// PSNR and SSIM against the recorded figures of the published evaluation, and the properties that any such score has.

import { existsSync, readFileSync } from "node:fs";
import {
  cat,
  full,
  Generator,
  getNumThreads,
  loadSafetensors,
  rand,
  scope,
  setNumThreads,
  type Tensor,
} from "@vid2world/torch";
import { describe, expect, test } from "vitest";
import { meanSquaredError, psnr } from "./psnr.js";
import { gaussianWindow, ssim } from "./ssim.js";

const fixtures = `${process.env["VID2WORLD_SHARED"] ?? new URL("../../../../../../shared", import.meta.url).pathname}/fixtures`;
const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float64Array);
const random = (seed: number, shape: number[]): Tensor =>
  rand(shape, { generator: new Generator({ device: "cpu", seed }) });

describe.skipIf(!existsSync(`${fixtures}/metrics.json`))(
  "metrics of the published evaluation (skipped without the fixtures)",
  () => {
    test("PSNR, SSIM and the window agree within the recorded tolerances", async () => {
      const { tolerance } = JSON.parse(readFileSync(`${fixtures}/metrics.json`, "utf8")) as {
        tolerance: Record<string, number>;
      };
      const recorded = await loadSafetensors(`${fixtures}/metrics.safetensors`);
      const get = (name: string): Tensor => recorded.get(name) as Tensor;
      const unit = (name: string): Tensor => get(name).add(1).div(2);
      const worst = (ours: readonly number[], theirs: readonly number[]): number =>
        Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] ?? NaN))));
      expect(worst(numbers(psnr(unit("in.pred"), unit("in.gt"))), numbers(get("out.psnr")))).toBeLessThan(
        tolerance["psnr_abs"] ?? 0,
      );
      expect(worst(numbers(ssim(unit("in.pred"), unit("in.gt"))), numbers(get("out.ssim")))).toBeLessThan(
        tolerance["ssim_abs"] ?? 0,
      );
      expect(worst([...gaussianWindow()], numbers(get("out.gauss_kernel_11")))).toBeLessThan(1e-7);
    });
  },
);

describe.each([
  ["psnr", psnr, 80],
  ["ssim", ssim, 1],
  ["meanSquaredError", (x: Tensor, y: Tensor): Tensor => meanSquaredError(x, y).neg(), 0],
] as const)("%s", (_name, score, perfect) => {
  const x_BCHW = random(1, [5, 3, 24, 31]);
  const y_BCHW = random(2, [5, 3, 24, 31]);

  test("identical pictures score the maximum", () => {
    for (const value of numbers(score(x_BCHW, x_BCHW))) expect(value).toBeCloseTo(perfect, 9);
  });

  test("does not care which picture is called the truth", () => {
    expect(numbers(score(x_BCHW, y_BCHW))).toEqual(numbers(score(y_BCHW, x_BCHW)));
  });

  test("falls as noise grows", () => {
    const noise_BCHW = y_BCHW.sub(0.5);
    const scores = [0.01, 0.05, 0.1, 0.3, 0.8].map(
      (amount) => numbers(score(x_BCHW, x_BCHW.add(noise_BCHW.mul(amount))))[0] ?? 0,
    );
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  });

  test("is equal to the last bit whatever the batch", () => {
    const together = numbers(score(x_BCHW, y_BCHW));
    const alone = together.map((_, b) => numbers(score(x_BCHW.narrow(0, b, 1), y_BCHW.narrow(0, b, 1)))[0]);
    expect(alone).toEqual(together);
    const twice = numbers(score(cat([x_BCHW, x_BCHW], { dim: 0 }), cat([y_BCHW, y_BCHW], { dim: 0 })));
    expect(twice).toEqual([...together, ...together]);
  });

  test("is equal to the last bit with any number of threads", () => {
    const [large, other] = [random(3, [2, 3, 150, 280]), random(4, [2, 3, 150, 280])];
    const threads = getNumThreads();
    const found = [1, 2, 3].map((count) => {
      setNumThreads(count);
      return numbers(score(large, other));
    });
    setNumThreads(threads);
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
  });

  test("refuses pictures of unequal shape", () => {
    expect(() => score(x_BCHW, y_BCHW.narrow(3, 0, 30))).toThrow(/\[5, 3, 24, 30\]/);
  });
});

test("the mean squared error is that of double precision to eight digits", () => {
  const [x_BCHW, y_BCHW] = [random(5, [3, 3, 150, 280]), random(6, [3, 3, 150, 280])];
  const exact = numbers(x_BCHW.to("float64").sub(y_BCHW.to("float64")).square().mean([1, 2, 3]));
  numbers(meanSquaredError(x_BCHW, y_BCHW)).forEach((value, i) =>
    expect(Math.abs(value / (exact[i] ?? NaN) - 1)).toBeLessThan(1e-8),
  );
});

test("PSNR is the textbook figure", () => {
  const mse = 0.1 ** 2;
  expect(numbers(psnr(full([1, 3, 4, 4], 0.5), full([1, 3, 4, 4], 0.6)))[0]).toBeCloseTo(
    -10 * Math.log10(mse + 1e-8),
    5,
  );
});

test("SSIM refuses pictures smaller than its window, and keeps no tensors", () => {
  expect(() => ssim(full([1, 3, 10, 20], 0.5), full([1, 3, 10, 20], 0.5))).toThrow(/11 x 11/);
  expect(scope(() => ssim(random(3, [1, 3, 11, 11]), random(4, [1, 3, 11, 11]))).shape).toEqual([1]);
});
