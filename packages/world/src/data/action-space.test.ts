import { describe, expect, it } from "vitest";
import { actionWidth, channelsSchema, encodeActions, restRow, rowOfKeys, rowProblem } from "./action-space.js";
import { SYNTHETIC_CHANNELS } from "./testing/synthetic.js";

const channels = channelsSchema.parse(SYNTHETIC_CHANNELS);
const issues = (value: unknown): string =>
  channelsSchema
    .safeParse(value)
    .error?.issues.map((i) => i.message)
    .join() ?? "";

it("a row becomes numbers as they are and a choice as one of several ones", () => {
  expect(actionWidth(channels)).toBe(5);
  expect([
    ...encodeActions(channels, [
      [-0.5, 1, 2],
      [0, 0, 0],
    ]),
  ]).toEqual([-0.5, 1, 0, 0, 1, 0, 0, 1, 0, 0]);
});

it("problems of a row name the channel and its range", () => {
  expect(rowProblem(channels, [0, 0, 0])).toBeUndefined();
  expect(rowProblem(channels, [0, 0])).toBe("2 values, but the action space has 3 channels (move, jump, tool)");
  expect(rowProblem(channels, [1.5, 0, 0])).toBe("move = 1.5 is outside of its range -1 to 1");
  expect(rowProblem(channels, [NaN, 0, 0])).toBe("move = NaN is outside of its range -1 to 1");
  expect(rowProblem(channels, [0, 0.5, 0])).toBe("jump = 0.5 is neither 0 nor 1");
  expect(rowProblem(channels, [0, 0, 3])).toBe("tool = 3 is not one of the options 0 to 2");
});

it("held keys become a row: opposite keys cancel, of several choices the last wins", () => {
  expect(restRow(channels)).toEqual([0, 0, 0]);
  expect(rowOfKeys(channels, new Set(["ArrowLeft", "Space"]))).toEqual([-1, 1, 0]);
  expect(rowOfKeys(channels, new Set(["ArrowLeft", "ArrowRight", "Digit1", "Digit2"]))).toEqual([0, 0, 2]);
});

it("two keys with one meaning are not twice as strong, and rest is where keys start from", () => {
  const throttle = channelsSchema.parse([
    { name: "gas", kind: "continuous", range: [0, 1], rest: 0.25, keys: { KeyW: 0.75, ArrowUp: 0.75, KeyS: 0 } },
  ]);
  expect(rowOfKeys(throttle, new Set(["KeyW", "ArrowUp"]))).toEqual([0.75]);
  expect(rowOfKeys(throttle, new Set())).toEqual([0.25]);
  expect(rowOfKeys(throttle, new Set(["KeyW", "KeyS"]))).toEqual([0.5]);
});

describe("a channel list is refused", () => {
  const move = { name: "move", kind: "continuous", range: [-1, 1] };
  it.each([
    ["with an unknown key", [{ ...move, keys: { W: 1 } }], /unknown key "W"/],
    ["with a key outside of the range", [{ ...move, keys: { KeyW: 2 } }], /2 is outside of its range -1 to 1/],
    ["with a range that falls", [{ ...move, range: [1, -1] }], /must rise/],
    ["with rest outside of the range", [{ ...move, range: [1, 2] }], /must be within 1 to 2/],
    ["with a name used twice", [move, move], /"move" is used twice/],
    ["with a field that does not exist", [{ ...move, rang: 1 }], /rang/],
    ["when empty", [], />=1/],
  ])("%s", (_, value, message) => expect(issues(value)).toMatch(message));
});
