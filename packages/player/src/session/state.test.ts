// What views read: panels look less often than frames come.
import { effect } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createState } from "./state.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("panels are told of a hundred frames a second four times a second, and of the last one at once when play stops", () => {
  const { phase, shown, glance } = createState();
  const told: number[] = [];
  effect(() => void told.push(glance.value.node));
  phase.value = "playing";
  told.length = 0;
  for (let node = 1; node <= 100; node++) {
    shown.value = node;
    vi.advanceTimersByTime(10);
  }
  expect(told.length).toBeLessThanOrEqual(4);
  shown.value = 101;
  phase.value = "paused";
  expect(told.at(-1)).toBe(101);
  shown.value = 7;
  expect(told.at(-1)).toBe(7);
});
