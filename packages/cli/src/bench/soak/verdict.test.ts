// Growth over hours, told from fluctuation and from engines that begin anew.
import { expect, test } from "vitest";
import { growthOf } from "./verdict.js";

const minutes = Array.from({ length: 200 }, (_, i) => i * 0.6);
const noise = (i: number): number => Math.sin(i * 12.9898) * 5;

test("a quantity that fluctuates around its mean is flat, one that grows by 5 % an hour beside it is not", () => {
  const flat = growthOf("memory", "MB", minutes.map((t, i) => ({ minutes: t, life: 0, value: 500 + noise(i) }))); // prettier-ignore
  expect(flat).toMatchObject({ flat: true, looks: 200 });
  const grows = growthOf("memory", "MB", minutes.map((t, i) => ({ minutes: t, life: 0, value: 500 + noise(i) + (25 * t) / 60 }))); // prettier-ignore
  expect(grows.flat).toBe(false);
  expect(grows.perHour).toBeGreaterThan(24);
  expect(grows.perHour).toBeLessThan(26);
});

test("what begins anew at another level is no growth, and growth within every life is", () => {
  const life = (t: number): number => Math.floor(t / 20);
  const levels = minutes.map((t) => ({ minutes: t, life: life(t), value: 100 + 40 * life(t) }));
  expect(growthOf("tensors", "", levels).perHour).toBeCloseTo(0, 9);
  const saws = minutes.map((t) => ({ minutes: t, life: life(t), value: 100 + (t % 20) }));
  expect(growthOf("tensors", "", saws)).toMatchObject({ flat: false });
  expect(growthOf("tensors", "", saws).perHour).toBeCloseTo(60, 6);
});

test("slow waves are no growth: looks that resemble the ones before them count for less", () => {
  const waves = minutes.map((t, i) => ({ minutes: t, life: 0, value: 100 + 30 * Math.sin((2 * Math.PI * t) / 40 + 3) + noise(i) })); // prettier-ignore
  const growth = growthOf("disk", "MB", waves);
  expect(growth.perHour).toBeGreaterThan(9); // with independent looks 3.6 standard errors
  expect(growth.flat).toBe(true);
});
