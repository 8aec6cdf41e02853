// The action encoders.
import { manualSeed, tensor, zeros } from "@vid2world/torch";
import { beforeEach, describe, expect, test } from "vitest";

import { maxError } from "../testing/fixtures.js";
import { ActionEncoder } from "./action-encoder.js";

const sizes = { actionDim: 4, hidden: 6, width: 8 };

beforeEach(() => manualSeed(1));

describe.each(["continuous", "multiHot"] as const)("%s actions", (kind) => {
  test("a dropped action is zero, which the action zero is not", () => {
    const encoder = new ActionEncoder({ kind, ...sizes });
    const embedding = encoder.forward(zeros([1, 2, 4]), tensor([[1, 0]]));
    expect(embedding.shape).toEqual([1, 2, 8]);
    expect(embedding.select(1, 1).abs().amax().item()).toBe(0);
    expect(embedding.select(1, 0).abs().amax().item()).toBeGreaterThan(0);
  });
});

test("a multi-hot action is the sum of the rows of what is pressed", () => {
  const encoder = new ActionEncoder({ kind: "multiHot", ...sizes });
  const table = encoder.table?.weight;
  const [first, second] = encoder.layers;
  if (table === undefined || first === undefined || second === undefined) throw new Error("layers are missing");
  const sum = table.select(0, 1).add(table.select(0, 3));
  const expected = second.forward(first.forward(sum).silu());
  const got = encoder.forward(tensor([[[0, 1, 0, 1]]])).reshape([8]);
  expect(maxError(got, expected)).toBeLessThan(1e-6);
});
