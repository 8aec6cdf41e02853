// The learning rate at the points where it changes its course.
import { expect, test } from "vitest";
import { budgetProgress, learningRateAt } from "./learning-rate.js";

const settings = { learningRate: 2, warmupSteps: 4, decay: "cosine", finalLearningRate: 0.1 } as const;

test("the learning rate rises linearly over the warm-up and is never zero", () => {
  expect([0, 1, 2, 3, 4].map((step) => learningRateAt(settings, step, 0))).toEqual([0.5, 1, 1.5, 2, 2]);
});

test("each decay ends at the final share of the peak", () => {
  expect(learningRateAt(settings, 100, 1)).toBeCloseTo(0.2, 12);
  expect(learningRateAt({ ...settings, decay: "linear" }, 100, 1)).toBeCloseTo(0.2, 12);
  expect(learningRateAt({ ...settings, decay: "constant" }, 100, 1)).toBe(2);
});

test("half of the budget is half of the fall, for both decays", () => {
  expect(learningRateAt(settings, 100, 0.5)).toBeCloseTo(1.1, 12);
  expect(learningRateAt({ ...settings, decay: "linear" }, 100, 0.5)).toBeCloseTo(1.1, 12);
});

test("progress follows the part of the budget that ends first", () => {
  expect(budgetProgress({ maxSteps: 100, maxMinutes: 10 }, 20, 5)).toBe(0.5);
  expect(budgetProgress({ maxSteps: 100 }, 20, 1000)).toBe(0.2);
  expect(budgetProgress({ maxMinutes: 10 }, 20, 20)).toBe(1);
});
