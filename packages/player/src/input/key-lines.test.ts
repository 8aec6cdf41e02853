// The keys that are told when a session begins, and under Help.
import { expect, test } from "vitest";
import { csgoChannels } from "../../../world/src/data/csgo/csgo-actions.js";
import { rt1Channels } from "../../../world/src/data/rt1/rt1-channels.js";
import { keyLines } from "./key-lines.js";
import { surfaceOf } from "./surface.js";

test("keys are told as they lie on the keyboard, and what has none is left out", () => {
  const surface = surfaceOf([
    { name: "forward", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyW: 1, ArrowUp: 1, KeyS: -1 } },
    { name: "strafe", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyD: 1, KeyA: -1 } },
    { name: "pitch", kind: "continuous", range: [-1, 1], rest: 0, keys: { MouseY: 0.1 } },
    { name: "fire", kind: "binary", keys: { Space: 1, MouseLeft: 1 } },
    { name: "weapon", kind: "choice", options: ["none", "bow"], keys: { Digit1: 0, Digit2: 1 } },
  ]);
  expect(keyLines(surface)).toEqual([
    { keys: [["W", "↑"], ["S"]], label: "forward" },
    { keys: [["A"], ["D"]], label: "strafe" },
    { keys: [["Space", "left click"]], label: "fire" },
    { keys: [["1"], ["2"]], label: "weapon" },
  ]);
});

test("keys that channels are named after are told at once and without words, a mouse in bins by its arrows", () => {
  expect(keyLines(surfaceOf(csgoChannels()))).toEqual([
    {
      keys: ["W", "A", "S", "D", "Space", "Ctrl", "Shift", "1", "2", "3", "R", "left click", "right click"].map((key) => [key]), // prettier-ignore
      label: "",
    },
    { keys: [["↑"], ["←"], ["↓"], ["→"]], label: "mouse" },
  ]);
});

test("a stick with one name is one line", () => {
  expect(keyLines(surfaceOf(rt1Channels()))).toEqual([
    { keys: [["W"], ["A"], ["S"], ["D"]], label: "world vector" },
    { keys: [["↑"], ["←"], ["↓"], ["→"]], label: "rotation" },
    { keys: [["Space"], ["R"]], label: "gripper closes" },
    { keys: [["Z"], ["X"]], label: "rotation z" },
    { keys: [["E"], ["Q"]], label: "world vector z" },
  ]);
});
