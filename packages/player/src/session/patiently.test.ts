// A server that gives so many pictures a minute.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RemoteError } from "../protocol.js";
import { patiently } from "./patiently.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what was asked for too fast is asked for again, and nothing else is", async () => {
  let asked = 0;
  const busy = new RemoteError("too-fast", "too many requests", 429);
  const picture = patiently(() => (++asked < 4 ? Promise.reject(busy) : Promise.resolve("picture")));
  await vi.advanceTimersByTimeAsync(10_000);
  expect([await picture, asked]).toEqual(["picture", 4]);
  const gone = new RemoteError("unknown-node", "there is no such frame", 404);
  await expect(patiently(() => Promise.reject(gone))).rejects.toBe(gone);
});
