// A server that answers, and one that falls silent.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startHeartbeat } from "./heartbeat.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What a heartbeat tells of a server that answers by `ping`, in a minute. */
async function told(ping: (count: number) => Promise<unknown>, isConnected = () => true): Promise<string[]> {
  const told: string[] = [];
  let count = 0;
  const stop = startHeartbeat({
    isConnected,
    ping: () => ping(count++),
    answered: (milliseconds) => void told.push(`${milliseconds} ms`),
    silent: () => void told.push("silent"),
  });
  await vi.advanceTimersByTimeAsync(14_000);
  stop();
  return told;
}
const never = new Promise(() => undefined);

test("measures the way there and back", async () => {
  const slow = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 30));
  expect(await told(slow)).toEqual(Array.from({ length: 6 }, () => "30 ms"));
});

test("tells once that a connection leads nowhere", async () => {
  expect(await told((count) => (count === 0 ? Promise.resolve() : never))).toEqual(["0 ms"]);
  expect(await told(() => never)).toEqual(["silent"]);
});

test("asks nothing while there is no connection, and takes a lost one for no silence", async () => {
  expect(await told(() => Promise.resolve(), () => false)).toEqual([]); // prettier-ignore
  expect(await told(() => Promise.reject(new Error("lost")))).toEqual([]);
});
