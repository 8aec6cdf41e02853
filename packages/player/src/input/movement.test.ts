// A mouse's movement within one frame's time.
import { expect, test } from "vitest";
import { createMovementWindow } from "./movement.js";

test("what moved longer ago than a frame is gone", () => {
  const window = createMovementWindow(() => 100);
  window.add(5, 1, 0);
  window.add(7, 2, 60);
  expect(window.sum(90)).toEqual({ x: 12, y: 3 });
  expect(window.sum(110)).toEqual({ x: 7, y: 2 });
  expect(window.sum(200)).toEqual({ x: 0, y: 0 });
});

test("looks that are one frame apart find everything exactly once", () => {
  const window = createMovementWindow(() => 100);
  let found = 0;
  for (let now = 1; now <= 1000; now++) {
    if (now % 7 === 0 && now < 900) window.add(1, 0, now);
    if (now % 100 === 37) found += window.sum(now).x;
  }
  expect(found).toBe(Math.floor(899 / 7));
});
