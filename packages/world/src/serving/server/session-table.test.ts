// Sessions on their way to the store and back.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ArithmeticEngine, arithmeticEngine } from "../testing/arithmetic-engine.js";
import { testStart } from "../testing/test-server.js";
import { type ServingLimits, usualLimits } from "./limits.js";
import type { PlayedSession } from "./played-session.js";
import { type SessionStore, memoryStore } from "./session-store.js";
import { SessionTable } from "./session-table.js";

let engine: ArithmeticEngine;
let store: SessionStore;
let tables: SessionTable[] = [];
const errors: unknown[] = [];
beforeEach(() => {
  engine = arithmeticEngine();
  store = memoryStore();
  errors.length = 0;
});
afterEach(() => Promise.all(tables.splice(0).map((table) => table.closeAll())));

function tableOf(limits: Partial<ServingLimits> = {}): SessionTable {
  const onError = (error: unknown): void => void errors.push(error);
  const table = new SessionTable({ engine, store, limits: { ...usualLimits, ...limits }, onError });
  tables = [...tables, table];
  return table;
}

const open = (table: SessionTable, request = {}): Promise<PlayedSession> =>
  table.open({ start: { frames: testStart.frames, seed: 1 }, truthFrames: 0 }, request);

test("a session is in the store from its beginning, and from then on as it was saved", async () => {
  const table = tableOf();
  const { id } = await open(table);
  const save = vi.spyOn(store, "save");
  await vi.waitFor(async () => expect(await store.load(id)).toBeDefined());
  engine.close(id).catch(() => undefined); // a server that was killed knows nothing any more
  const session = await tableOf().find(id, table.key(id));
  expect(session.nodes).toHaveLength(2);
  for (let t = 0; t < 63; t++) await session.step([0, 0]);
  expect(save).toHaveBeenCalledTimes(0);
  await session.step([0, 0]);
  await vi.waitFor(() => expect(save).toHaveBeenCalledTimes(1));
});

test("a session of a world that is served no more is gone, as whoever asks again would hear forever", async () => {
  const table = tableOf();
  const { id } = await open(table);
  await table.closeAll();
  engine = { ...arithmeticEngine(), world: { ...engine.world, checksum: "ffff" } };
  const found = tableOf().find(id, table.key(id));
  await expect(found).rejects.toMatchObject({ code: "unknown-session", message: expect.stringContaining("other weights") as string }); // prettier-ignore
});

test("a server that is killed loses no frame: another one goes on after the last", async () => {
  const table = tableOf();
  const session = await open(table);
  const { id } = session;
  const noted = vi.spyOn(store, "append");
  for (let t = 0; t < 5; t++) await session.step([t / 8, 0]);
  const branch = await session.step([-1, 0], 3);
  for (let t = 0; t < 70; t++) await session.step([0, 1]); // saved meanwhile
  await vi.waitFor(() => expect(noted).toHaveBeenCalledTimes(76));
  await engine.close(id);
  const back = await tableOf().find(id, table.key(id));
  expect(back.nodes).toEqual(session.nodes);
  expect(back.state.node).toBe(session.state.node);
  const again = await back.step([-1, 0], 3);
  expect(again.pixels).toEqual(branch.pixels);
  expect(again.node.node).toBe(78);
});

test("a server that is killed does not forget where a player has gone, with which settings, at what pace", async () => {
  const table = tableOf();
  const session = await open(table);
  const { id } = session;
  const killed = async (): Promise<PlayedSession> => {
    await engine.close(id);
    return tableOf().find(id, table.key(id));
  };
  for (let t = 0; t < 4; t++) await session.step([0, 0]);
  await session.change({ numSteps: 5 });
  await session.play(3);
  const state = await session.goTo(3);
  const again = await killed();
  expect(again.state).toEqual(state);
  expect((await again.step([1, 0])).node).toMatchObject({ node: 6, parent: 3, settings: { numSteps: 5 } });
  await again.goTo(3);
  expect((await again.stepAll([[0, 0]], { from: 99, settings: { numSteps: 6 } })).error).toMatchObject({ code: "unknown-node" }); // prettier-ignore
  expect((await killed()).state).toMatchObject({ node: 3, settings: { numSteps: 6 } });
  await again.step([0, 0]);
  // What was drawn later than that is where it stands now.
  await vi.waitFor(async () => expect((await killed()).state).toMatchObject({ node: 7, fps: 3 }));
});

test("a position that could not be noted is told, and leaves none that is not true any more", async () => {
  const table = tableOf();
  const session = await open(table);
  const { id } = session;
  await session.step([0, 0]);
  await session.goTo(0);
  vi.spyOn(store, "append").mockRejectedValueOnce(new Error("the disk is full"));
  await session.goTo(1);
  expect(errors).toEqual([new Error("the disk is full")]);
  await engine.close(id);
  expect((await tableOf().find(id, table.key(id))).state.node).toBe(2);
});

test("a replay that its player has left is left also after the server was killed", async () => {
  const table = tableOf();
  const settings = { guidanceScale: 1, numSteps: 2, decoder: "full" } as const;
  const script = [{ node: 2, frame: 2, parent: 1, action: [1, 0], settings }];
  const session = await table.open({ start: { frames: testStart.frames, seed: 1 }, truthFrames: 0, script }, {});
  const { id } = session;
  await session.change({ numSteps: 3 });
  await engine.close(id);
  const again = await tableOf().find(id, table.key(id));
  expect(again.scripted).toBe(1);
  await again.goTo(0);
  await engine.close(id);
  const left = await tableOf().find(id, table.key(id));
  expect([left.scripted, left.state.node]).toEqual([0, 0]);
});

test("a frame that could not be noted is told once, and kept by the next saving", async () => {
  const table = tableOf();
  const session = await open(table);
  vi.spyOn(store, "append").mockRejectedValueOnce(new Error("the disk is full"));
  for (let t = 0; t < 3; t++) await session.step([0, 0]);
  await vi.waitFor(() => expect(errors).toEqual([new Error("the disk is full")]));
  await engine.close(session.id);
  expect((await tableOf().find(session.id, table.key(session.id))).nodes).toHaveLength(2);
});

test("play does not wait for the disk, and what could not be saved is told and tried again", async () => {
  const table = tableOf();
  const session = await open(table);
  await vi.waitFor(async () => expect(await store.load(session.id)).toBeDefined());
  const save = vi.spyOn(store, "save");
  let fail: (error: Error) => void = () => undefined;
  save.mockImplementationOnce(() => new Promise((_, reject) => (fail = reject)));
  for (let t = 0; t < 100; t++) await session.step([0, 0]); // the disk has not answered
  fail(new Error("the disk is full"));
  await vi.waitFor(() => expect(errors).toEqual([new Error("the disk is full")]));
  for (let t = 0; t < 40; t++) await session.step([0, 0]);
  await vi.waitFor(() => expect(save).toHaveBeenCalledTimes(2));
});

test("who comes back while a session is put away gets it as it was, and it stays", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setInterval"] });
  const table = tableOf({ idleSeconds: 1 });
  const session = await open(table);
  await session.step([1, 0]);
  const save = store.save.bind(store);
  let written: () => void = () => undefined;
  const writing = new Promise<void>((resolve) => (written = resolve));
  const spy = vi.spyOn(store, "save").mockImplementation(async (id, bytes) => {
    await writing;
    return save(id, bytes);
  });
  vi.advanceTimersByTime(4000);
  vi.useRealTimers();
  await vi.waitFor(() => expect(spy).toHaveBeenCalled());
  expect(await table.find(session.id, table.key(session.id))).toBe(session);
  written();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(table.counts.sessions).toBe(1);
  expect((await session.step([0, 0])).node.node).toBe(3);
});

test("a session that left is brought back only once it has", async () => {
  const table = tableOf({ sessions: 1 });
  const session = await open(table);
  await session.step([1, 0]);
  await tables[0]?.closeAll();
  const other = tableOf({ sessions: 1 });
  const [one, two] = await Promise.all([1, 2].map(() => other.find(session.id, other.key(session.id))));
  expect(one).toBe(two);
  expect(one?.nodes).toHaveLength(3);
});

test("who waits for a place has its session read when there is one, and one that is not there is told at once", async () => {
  const first = tableOf();
  const saved = await open(first);
  await first.closeAll();
  const table = tableOf({ sessions: 1 });
  const other = await open(table);
  const load = vi.spyOn(store, "load");
  const key = table.key(saved.id);
  const places: number[] = [];
  const waiting = table.find(saved.id, key, { onQueued: (place) => void places.push(place) });
  await expect(table.find("gone", table.key("gone"), { onQueued: () => undefined })).rejects.toMatchObject({ code: "unknown-session" }); // prettier-ignore
  await vi.waitFor(() => expect(places).toEqual([1]));
  expect(load).toHaveBeenCalledTimes(0);
  await table.close(other);
  expect((await waiting).id).toBe(saved.id);
  expect(table.counts).toEqual({ sessions: 1, waiting: 0 });
  // One whose bytes are no session gives its place back.
  await table.close(await waiting);
  await store.save("broken", new Uint8Array(9));
  await expect(table.find("broken", table.key("broken"))).rejects.toMatchObject({ code: "unknown-session" });
  expect((await open(table)).nodes).toHaveLength(2);
});

test("clients that wait are refused when the server stops, and take no place of what is saved", async () => {
  const table = tableOf({ sessions: 1 });
  await open(table);
  const waiting = open(table, { onQueued: () => undefined });
  const refused = expect(waiting).rejects.toMatchObject({ code: "shutting-down" });
  await new Promise((resolve) => setTimeout(resolve, 1));
  await table.closeAll();
  await refused;
  expect(engine.sessions).toBe(0);
  expect(table.counts).toEqual({ sessions: 0, waiting: 0 });
});

test("one address has no more sessions than its share, and opens no more than so many in a minute", async () => {
  const table = tableOf({ sessions: 9, sessionsPerAddress: 2, opensPerMinute: 3 });
  const first = await open(table, { address: "a" });
  await open(table, { address: "a" });
  await expect(open(table, { address: "a" })).rejects.toMatchObject({ code: "server-full" });
  await open(table, { address: "b" });
  await table.close(first);
  await expect(open(table, { address: "a" })).rejects.toMatchObject({ code: "too-fast" });
});
