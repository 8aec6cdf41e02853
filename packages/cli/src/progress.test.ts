// What the progress display writes, on a terminal and elsewhere.
import { expect, test } from "vitest";

import { createProgress, formatDuration } from "./progress.js";

/** A display with a clock of its own and everything it wrote. */
function recorded(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  const clock = { time: 0 };
  const output = { isTTY, columns, write: (text: string | Uint8Array) => written.push(String(text)) > 0 };
  const progress = createProgress({ label: "train", total: 100, unit: "steps", output, now: () => clock.time });
  return { progress, written, clock };
}

test("on a terminal the line shows count, rate, time left and the note, and rewrites itself", () => {
  const { progress, written, clock } = recorded(true);
  for (let step = 1; step <= 10; step++) {
    clock.time += 500;
    progress.update(step, `loss ${step}`);
  }
  expect(written.at(-1)).toBe("\rtrain 10/100 steps  2.0/s  45 s left  loss 10\x1b[K");
  expect(written.join("")).not.toContain("\n");
  progress.finish();
  expect(written.at(-1)).toBe("\rtrain 10/100 steps  2.0/s  took 5 s  loss 10\x1b[K\n");
});

test("a terminal is not drawn more than ten times a second", () => {
  const { progress, written, clock } = recorded(true);
  for (let step = 1; step <= 100; step++) {
    clock.time += 10;
    progress.update(step);
  }
  expect(written.length).toBeLessThanOrEqual(10);
});

test("elsewhere a plain line appears every ten seconds and at the end, without control codes", () => {
  const { progress, written, clock } = recorded(false);
  for (let step = 1; step <= 100; step++) {
    clock.time += 250;
    progress.update(step);
  }
  progress.finish("done");
  expect(written).toEqual([
    "train 40/100 steps  4.0/s  15 s left\n",
    "train 80/100 steps  4.0/s  5 s left\n",
    "train 100/100 steps  4.0/s  took 25 s  done\n",
  ]);
});

test("the rate follows the last seconds, not a slow start", () => {
  const { progress, written, clock } = recorded(true);
  clock.time += 60_000;
  progress.update(1);
  for (let step = 2; step <= 60; step++) {
    clock.time += 1000;
    progress.update(step);
  }
  expect(written.at(-1)).toContain("1.0/s  40 s left");
});

test("a line never wraps, even where the terminal claims to have no columns", () => {
  for (const [columns, longest] of [
    [20, 19],
    [0, 79],
  ] as const) {
    const { progress, written } = recorded(true, columns);
    progress.update(1, "x".repeat(200));
    expect(written[0]?.replace(/^\r|\x1b\[K$/g, "").length).toBe(longest);
  }
});

test("durations read like a person says them", () => {
  expect([0.4, 59, 61, 3599.6, 7620].map(formatDuration)).toEqual([
    "0 s",
    "59 s",
    "1 min 01 s",
    "1 h 00 min",
    "2 h 07 min",
  ]);
});
