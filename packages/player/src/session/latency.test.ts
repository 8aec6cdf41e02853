// What the latency strip says.
import { expect, test } from "vitest";
import { createLatencyMeter, percentile } from "./latency.js";

const timings = { wait: 1, model: 30, decode: 4, encode: 2, sinceAction: 50 };

test("nothing measured is nothing said", () => {
  expect(createLatencyMeter().summary()).toMatchObject({ model: undefined, keyToFrame: undefined, dropped: 0 });
});

test("percentiles are values that occurred", () => {
  expect(percentile([5, 1, 3], 0.5)).toBe(3);
  expect(percentile([4, 3, 2, 1], 0.5)).toBe(2);
  expect(percentile(Array.from({ length: 100 }, (_, i) => i + 1), 0.95)).toBe(95); // prettier-ignore
  expect(percentile([], 0.5)).toBeUndefined();
});

test("a key is answered by the first frame that knew of it", () => {
  const meter = createLatencyMeter();
  meter.input(1, 100);
  meter.input(2, 150);
  meter.answered(0, 160);
  expect(meter.summary().keyToFrame).toBeUndefined();
  meter.answered(1, 200);
  meter.answered(2, 300);
  meter.answered(2, 400);
  expect(meter.summary().keyToFrame).toEqual({ p50: 100, p95: 150, count: 2 });
});

test("one frame answers several keys", () => {
  const meter = createLatencyMeter();
  meter.input(1, 10);
  meter.input(2, 20);
  meter.answered(2, 50);
  expect(meter.summary().keyToFrame).toEqual({ p50: 30, p95: 40, count: 2 });
});

test("the time between frames does not count pauses", () => {
  const meter = createLatencyMeter();
  for (const now of [0, 100, 200]) meter.shown(timings, now - 3, now);
  meter.interrupted();
  for (const now of [9000, 9100]) meter.shown(timings, now - 3, now);
  expect(meter.summary()).toMatchObject({ frameTime: 100, draw: 3, model: 30, dropped: 0 });
});

test("only the last frames count", () => {
  const meter = createLatencyMeter();
  for (let i = 0; i < 300; i++) meter.shown({ ...timings, model: i }, i, i);
  expect(meter.summary().model).toBe(239);
});

test("the time between arrivals is that of the last few frames, drawn or not, and another session has none yet", () => {
  const meter = createLatencyMeter();
  for (let i = 0; i <= 20; i++) meter.received(100 * i);
  for (let i = 1; i <= 6; i++) meter.received(2000 + 50 * i);
  expect(meter.interval).toBe(50);
  meter.interrupted();
  meter.received(90_000);
  expect(meter.interval).toBe(50);
  meter.clear();
  expect(meter.interval).toBeUndefined();
});
