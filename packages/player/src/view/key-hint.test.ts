// The keys that are told when a session begins.
import { expect, test } from "vitest";
import { surfaceOf } from "../input/surface.js";
import { hintLines } from "./key-hint.js";

test("keys are told as they lie on the keyboard, and what has none is left out", () => {
  const surface = surfaceOf([
    { name: "forward", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyW: 1, KeyS: -1 } },
    { name: "strafe", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyA: -1, KeyD: 1 } },
    { name: "pitch", kind: "continuous", range: [-1, 1], rest: 0, keys: { MouseY: 0.1 } },
    { name: "fire", kind: "binary", keys: { Space: 1, MouseLeft: 1 } },
  ]);
  expect(hintLines(surface)).toEqual([
    { keys: ["W", "S"], label: "forward" },
    { keys: ["A", "D"], label: "strafe" },
    { keys: ["Space"], label: "fire" },
  ]);
});

test("keys that channels are named after are told without words", () => {
  const surface = surfaceOf([
    ...["W", "A", "S", "D"].map((key) => ({
      name: `key${key}`,
      kind: "binary" as const,
      keys: { [`Key${key}`]: 1 as const },
    })),
    { name: "keyCtrl", kind: "binary", keys: { ControlLeft: 1 } },
  ]);
  expect(hintLines(surface)).toEqual([
    { keys: ["W", "S"], label: "" },
    { keys: ["A", "D"], label: "" },
    { keys: ["Ctrl"], label: "" },
  ]);
});
