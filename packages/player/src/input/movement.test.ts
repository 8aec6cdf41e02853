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

test("the length of the window is asked once per look, however much moved", () => {
  let asked = 0;
  const window = createMovementWindow(() => 100 + 0 * asked++);
  for (let at = 0; at < 50; at++) window.add(1, 0, at);
  expect(window.sum(60)).toEqual({ x: 50, y: 0 });
  expect(asked).toBe(1);
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
