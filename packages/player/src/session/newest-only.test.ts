// Work that is asked for faster than it is done.
import { expect, test } from "vitest";
import { newestOnly } from "./newest-only.js";

test("of everything asked for during a piece of work only the last is done, and then everybody is", async () => {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const ask = newestOnly((value: number) => {
    begun.push(value);
    return new Promise<void>((resolve) => ends.push(resolve));
  });
  const all = [1, 2, 3, 4].map(ask);
  expect(begun).toEqual([1]);
  ends[0]?.();
  await Promise.resolve();
  await Promise.resolve();
  expect(begun).toEqual([1, 4]);
  ends[1]?.();
  await Promise.all(all);
  const again = ask(5);
  expect(begun).toEqual([1, 4, 5]);
  ends[2]?.();
  await again;
});
