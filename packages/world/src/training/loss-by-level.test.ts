// The error of each frame lands in the range of its noise level, and means come out whatever the steps are weighted with.
import { expect, test } from "vitest";
import { tensor } from "@vid2world/torch";
import { levelParts, splitLevels } from "./loss-by-level.js";
import { createStepMeter } from "./step-meter.js";

const none = Array.from({ length: 10 }, () => null);

function means(found: Parameters<typeof levelParts>[0], repeats = 1): ReturnType<typeof splitLevels> {
  const meter = createStepMeter();
  for (let i = 0; i < repeats; i++) {
    meter.add({ loss: tensor(2), ...levelParts(found, 1000) }, 1 / 3);
    meter.endStep(tensor(false, { dtype: "bool" }));
  }
  return splitLevels(meter.read());
}

test("frames are gathered by their own level", () => {
  const found = {
    perFrame_BT: tensor([
      [1, 3, 5],
      [7, 9, 11],
    ]),
    levels: tensor(
      [
        [0, 99, 100],
        [999, 950, 899],
      ],
      { dtype: "int64" },
    ),
  };
  const { metrics, lossByLevel } = means(found, 2);
  expect(Object.keys(metrics)).toEqual(["loss"]);
  expect(metrics["loss"]).toBeCloseTo(2 / 3);
  const expected: (number | null)[] = [...none];
  [expected[0], expected[1], expected[8], expected[9]] = [2, 5, 11, 8];
  expect(lossByLevel?.map((value) => (value === null ? null : Math.round(value * 1e5) / 1e5))).toEqual(expected);
});

test("one level for a clip counts for all its frames; frames that are not scored do not count", () => {
  const found = {
    perFrame_BT: tensor([[1, 2, 6]]),
    levels: tensor([500], { dtype: "int64" }),
    scored_BT: tensor([[0, 1, 1]]),
  };
  const { lossByLevel } = means(found);
  expect(lossByLevel?.[5]).toBeCloseTo(4, 5);
  expect(lossByLevel?.filter((value) => value !== null)).toHaveLength(1);
});

test("objectives without noise levels report none", () => {
  expect(splitLevels({ loss: 1, kl: 2 })).toEqual({ metrics: { loss: 1, kl: 2 } });
  expect(createStepMeter().read()).toEqual({});
});
