// Sessions as bytes: they go on exactly on another engine, and bytes from outside do no harm.
import { liveTensors, setNumThreads } from "@vid2world/torch";
import { expect, test } from "vitest";
import { EngineError } from "./engine.js";
import { decodeSession, encodeSession } from "./session-record.js";
import { tinySettings as settings, tinyStart, tinyWorld } from "./testing/tiny-world.js";
import { type WorldEngine, type WorldEngineOptions, worldEngine } from "./world-engine.js";

setNumThreads(1);
const world = tinyWorld();
const engineOf = (options: WorldEngineOptions = {}): WorldEngine =>
  worldEngine(world, { keyframeEvery: 3, ...options });

async function play(engine: WorldEngine, from: number, actions: readonly number[]): Promise<Uint8Array[]> {
  const shown: Uint8Array[] = [];
  let at = from;
  for (const value of actions) {
    const frame = await engine.step({ session: "a", from: at, action: [value, 0], settings });
    shown.push(frame.pixels);
    at = frame.node;
  }
  return shown;
}

const before = [1, -1, 0.5, 0, 1];
const after = [1, 0, -1];

test("a session goes on exactly on another engine, from any node, with what the network remembered and without", async () => {
  const first = engineOf();
  await first.open("a", tinyStart(3));
  await play(first, 1, before);
  for (const snapshotBytes of [2 ** 25, 0]) {
    const giver = engineOf({ snapshotBytes });
    await giver.restore("a", await first.snapshot("a"));
    const bytes = await giver.snapshot("a");
    expect(decodeSession(bytes).memories.length > 0).toBe(snapshotBytes > 0);
    const second = engineOf({ sessionBytes: snapshotBytes });
    await second.restore("a", bytes);
    for (const from of [6, 3, 1, 0]) expect(await play(second, from, after)).toEqual(await play(first, from, after));
    expect(await second.picture("a", 4)).toEqual(await first.picture("a", 4));
    await Promise.all([giver.shutdown(), second.shutdown()]);
  }
  await first.shutdown();
});

test("a record goes to bytes and back", async () => {
  const engine = engineOf();
  await engine.open("a", tinyStart(3));
  await play(engine, 1, before);
  const bytes = await engine.snapshot("a");
  expect(encodeSession(decodeSession(bytes))).toEqual(bytes);
  await engine.shutdown();
});

test("bytes that are no session of this world are refused by name, and leave nothing behind", async () => {
  const engine = engineOf();
  await engine.open("a", tinyStart(3));
  await play(engine, 1, before.slice(0, 2));
  const bytes = await engine.snapshot("a");
  const record = decodeSession(bytes);
  const refused = async (given: Uint8Array): Promise<string> =>
    engine.restore("b", given).then(
      () => "taken",
      (error: unknown) =>
        error instanceof EngineError ? `${error.code}: ${error.message}` : `not ours: ${String(error)}`,
    );
  const flipped = (at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
  // The newest frame is still being remembered, on another thread.
  let tensors: number;
  do {
    tensors = liveTensors();
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (tensors !== liveTensors());
  expect(await refused(new Uint8Array())).toMatch(/^bad-snapshot: .*no session/);
  expect(await refused(flipped(4))).toMatch(/^bad-snapshot: .*version/);
  for (let at = 8; at < bytes.length; at += 997)
    expect(await refused(flipped(at))).toMatch(/^bad-snapshot: .*checksum/);
  for (const length of [5, 40, 400, bytes.length - 1])
    expect(await refused(bytes.subarray(0, length))).toMatch(/^bad-snapshot/);
  // Well formed and signed, but wrong.
  const changed = (changes: Partial<typeof record>): Promise<string> =>
    refused(encodeSession({ ...record, ...changes }));
  expect(await changed({ checksum: "another" })).toMatch(/other weights/);
  expect(await changed({ latentShape: [1, 8, 8] })).toMatch(/bytes are left over|is missing/);
  expect(await changed({ contextFrames: record.contextFrames.subarray(1) })).toMatch(/context frames/);
  expect(await changed({ nodes: record.nodes.map((node) => ({ ...node, parent: node.node })) })).toMatch(
    /^bad-snapshot/,
  );
  expect(await changed({ nodes: record.nodes.map((node) => ({ ...node, action: [9, 9] })) })).toMatch(/outside/);
  expect(await changed({ memories: record.memories.map((memory) => ({ ...memory, next: 99 })) })).toMatch(/frame 99/);
  const short = record.memories.map((memory) => ({ ...memory, tensors: memory.tensors.slice(1) }));
  expect(await changed({ memories: short })).toMatch(/does not fit the network/);
  expect(liveTensors()).toBeLessThanOrEqual(tensors);
  await engine.shutdown();
});
