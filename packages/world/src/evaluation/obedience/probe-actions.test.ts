// Probe actions are found by key bindings, not by channel order or sign.

import { expect, test } from "vitest";
import { type Channel, channelsSchema } from "../../data/action-space.js";
import { probeActions, turnActions } from "./probe-actions.js";

const doom: Channel[] = channelsSchema.parse([
  { name: "forward", kind: "continuous", range: [-1, 1], keys: { KeyW: 1, ArrowUp: 1, KeyS: -1, ArrowDown: -1 } },
  { name: "strafe", kind: "continuous", range: [-1, 1], keys: { KeyA: -1, KeyD: 1 } },
  { name: "turn", kind: "continuous", range: [-1, 1], keys: { ArrowLeft: 0.4, ArrowRight: -0.4 } },
  { name: "fire", kind: "binary", keys: { Space: 1 } },
]);

test("five different actions, named as a player would", () => {
  const probes = probeActions(doom);
  expect(probes.map(({ label }) => label)).toEqual(["forward", "back", "turn left", "turn right", "nothing"]);
  expect(probes.map(({ action_A }) => action_A.map((value) => Math.round(value * 10) / 10))).toEqual([
    [1, 0, 0, 0],
    [-1, 0, 0, 0],
    [0, 0, 0.4, 0],
    [0, 0, -0.4, 0],
    [0, 0, 0, 0],
  ]);
});

test("where no key steers, whatever else has a key is tried, and there is no turning", () => {
  const arm = channelsSchema.parse([
    { name: "grip", kind: "choice", options: ["open", "half", "shut"], keys: { Digit1: 1, Digit2: 2 } },
  ]);
  expect(probeActions(arm)).toEqual([
    { label: "nothing", action_A: [1, 0, 0] },
    { label: "grip (Digit1)", action_A: [0, 1, 0] },
    { label: "grip (Digit2)", action_A: [0, 0, 1] },
  ]);
  expect(turnActions(arm)).toBeUndefined();
});

test("turns are those of the arrow keys, sidesteps only where arrows are free", () => {
  expect(turnActions(doom)?.left[2]).toBeCloseTo(0.4);
  expect(turnActions(doom)?.left[1]).toBe(0);
});
