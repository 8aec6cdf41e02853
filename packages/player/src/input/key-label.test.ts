// Keys as people call them.
import { expect, test } from "vitest";
import { keyLabel } from "./key-label.js";

test("keys are called as they are printed", () => {
  expect(["KeyW", "ArrowLeft", "Digit3", "ShiftLeft", "Numpad4", undefined].map(keyLabel)).toEqual([
    ...["W", "←", "3", "Shift", "Num 4", ""],
  ]);
});
