// Places and the queue in front of them.
import { expect, test } from "vitest";
import { Admission, type AdmissionDecision } from "./admission.js";
import { ServingError } from "./serving-error.js";
import { SharedRequest } from "./shared-request.js";

const waits = { onQueued: () => undefined };
const admission = (limits: Partial<{ sessions: number; sessionsPerAddress: number; queue: number }> = {}): Admission =>
  new Admission({ sessions: 1, sessionsPerAddress: Infinity, queue: 2, ...limits });

test("who has gone before a place was asked for takes none, and none in the queue", async () => {
  const places = admission();
  const gone = AbortSignal.abort();
  await expect(places.enter({ ...waits, signal: gone })).rejects.toThrow("left the queue");
  const leave = await places.enter({});
  await expect(places.enter({ ...waits, signal: gone })).rejects.toThrow("left the queue");
  expect(places.waiting).toBe(0);
  leave();
  leave(); // once is enough
  (await places.enter({}))();
  expect(places.isFull).toBe(false);
});

test("closing refuses who waits and who comes", async () => {
  const places = admission();
  await places.enter({});
  const waiting = places.enter(waits);
  const reason = new ServingError("shutting-down", "the end");
  places.close(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(places.enter({})).rejects.toBe(reason);
});

test("an address has no more than its share, in the queue too", async () => {
  const places = admission({ sessions: 2, sessionsPerAddress: 1 });
  const leave = await places.enter({ address: "a" });
  await expect(places.enter({ address: "a", ...waits })).rejects.toThrow("as many as one may have");
  await places.enter({ address: "b" });
  const queued = places.enter({ address: "c", ...waits });
  await expect(places.enter({ address: "c", ...waits })).rejects.toThrow("as many as one may have");
  leave();
  await queued;
  const leaving = new AbortController();
  const gone = places.enter({ address: "a", ...waits, signal: leaving.signal });
  leaving.abort();
  await expect(gone).rejects.toThrow("left the queue");
  expect(places.hasItsShare("a")).toBe(false);
});

test("several who ask for one session stay in the queue until the last of them has gone", async () => {
  const places = admission();
  const leave = await places.enter({});
  const told: string[] = [];
  const [one, two] = [new AbortController(), new AbortController()];
  const shared = new SharedRequest({ onQueued: (at) => told.push(`one ${at}`), signal: one.signal });
  const place = places.enter(shared);
  shared.join({ onQueued: (at) => told.push(`two ${at}`), signal: two.signal });
  expect(() => shared.join({})).toThrow("in use");
  one.abort();
  expect([places.waiting, told]).toEqual([1, ["one 1", "two 1"]]);
  leave();
  (await place)();
  await places.enter({});
  const other = new SharedRequest({ ...waits, signal: two.signal });
  const refused = expect(places.enter(other)).rejects.toThrow("left the queue");
  two.abort();
  await refused;
});

test("the log is told who was let in, who waits, and who was refused why", async () => {
  const told: AdmissionDecision[] = [];
  const places = new Admission({ sessions: 1, sessionsPerAddress: 9, queue: 1 }, (decision) => told.push(decision));
  const leave = await places.enter({});
  const second = places.enter(waits);
  await expect(places.enter(waits)).rejects.toThrow("in use");
  leave();
  await second;
  expect(told.map(({ kind, sessions, waiting }) => [kind, sessions, waiting])).toEqual([
    ["admitted", 1, 0],
    ["queued", 1, 1],
    ["refused", 1, 1],
    ["admitted", 1, 0],
  ]);
  expect(told[2]?.reason).toContain("the one session of this server is in use");
  expect(told[3]?.milliseconds).toBeGreaterThanOrEqual(0);
});
