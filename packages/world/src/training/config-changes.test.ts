// What may change when a run goes on, and what is refused.
import { expect, test } from "vitest";
import { changedSettings, refuseChanges } from "./config-changes.js";

const before = {
  kind: "world",
  training: { learningRate: 1e-3, maxSteps: 10, betas: [0.9, 0.999], keepBest: undefined, logEvery: 1 },
  model: { causal: true },
};
const saved = JSON.stringify(before);
const withTraining = (more: object): object => ({ ...before, training: { ...before.training, ...more } });

test("the budget, the log and what is kept change freely", () => {
  const now = withTraining({ maxSteps: 20, logEvery: 5, keepBest: { metric: "loss", mode: "min" } });
  expect(changedSettings(before, now)).toEqual([]);
});

test("other changes are refused with their names, both values and the way to allow them", () => {
  const now = { ...withTraining({ learningRate: 2e-3, betas: [0.9, 0.99] }), model: {}, extra: 1 };
  expect(() => refuseChanges(saved, now, [], "runs/x")).toThrow(
    [
      "runs/x: the run was begun with other settings",
      "  training.learningRate: 0.001 before, 0.002 now",
      "  training.betas: [0.9,0.999] before, [0.9,0.99] now",
      "  model.causal: true before, absent now",
      "  extra: absent before, 1 now",
      "  put them back, or go on with --allow-change training.learningRate --allow-change training.betas",
    ].join("\n"),
  );
});

test("what numbers the micro batches cannot change, allowed or not", () => {
  const now = withTraining({ accumulate: 4 });
  for (const name of ["training.accumulate", "training"])
    expect(() => refuseChanges(saved, now, [name], "runs/x")).toThrow(
      /training.accumulate cannot change .* absent before, 4 now/,
    );
});

test("what is allowed by its name, or by that of the mapping around it, passes; the rest is still refused", () => {
  const now = { ...withTraining({ learningRate: 2e-3 }), model: { causal: false } };
  refuseChanges(saved, now, ["training.learningRate", "model"], "x");
  expect(() => refuseChanges(saved, now, ["training"], "x")).toThrow("model.causal: true before, false now");
  expect(() => refuseChanges(saved, now, ["model", "training.learning"], "x")).toThrow("training.learningRate");
});
