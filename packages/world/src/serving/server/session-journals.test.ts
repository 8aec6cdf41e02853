// Frames of a session that a killed server leaves behind.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { KeptFrame } from "../engine.js";
import { type Position, packEntry, packPosition, readJournal, readPosition } from "./journal-entry.js";
import { SessionJournals } from "./session-journals.js";
import { memoryStore, openFolderStore } from "./session-store.js";

const secret = new Uint8Array(32).fill(7);
const settings = { guidanceScale: 1, numSteps: 2, decoder: "full" } as const;
const frames = [2, 3, 4].map((node): KeptFrame => {
  return { node, parent: node - 1, action: [node / 8, 0], settings, latent: Float32Array.of(node, -node, 0.1) };
});
const entries = frames.map((frame) => Buffer.from(packEntry("a", frame, secret)));
const journal = Buffer.concat(entries);

test("a journal gives back its frames, and where it is torn or changed those before", () => {
  expect(readJournal("a", journal, secret)).toEqual(frames);
  const whole = entries.map((_, i) => Buffer.concat(entries.slice(0, i + 1)).length);
  for (let length = 0; length <= journal.length; length++)
    expect(readJournal("a", journal.subarray(0, length), secret)).toHaveLength(whole.filter((end) => end <= length).length); // prettier-ignore
  for (let at = 0; at < journal.length; at += 5) {
    const changed = Buffer.from(journal);
    changed[at] = (changed[at] ?? 0) ^ 64;
    expect(readJournal("a", changed, secret)).toEqual(frames.slice(0, whole.filter((end) => end <= at).length));
  }
  expect(readJournal("b", journal, secret)).toEqual([]);
  expect(readJournal("a", journal, new Uint8Array(32))).toEqual([]);
});

test("a position is read where it is whole, of this session, and no frame", () => {
  const position: Position = { nodes: 5, current: 2, settings, fps: 9, scripted: 0 };
  const bytes = packPosition("a", position, secret);
  expect(readPosition("a", bytes, secret)).toEqual(position);
  for (let length = 0; length < bytes.length; length++)
    expect(readPosition("a", bytes.subarray(0, length), secret)).toBeUndefined();
  expect(readPosition("b", bytes, secret)).toBeUndefined();
  expect(readPosition("a", journal, secret)).toBeUndefined();
  expect(readJournal("a", bytes, secret)).toEqual([]);
});

test("frames are found whatever was being saved when nobody noted any more", async () => {
  const store = memoryStore();
  const [before, after] = [new SessionJournals(store), new SessionJournals(store)];
  before.begin("a", 2);
  await before.note("a", frames[0] as KeptFrame);
  before.begin("a", 3); // the session is being saved with three nodes
  await before.note("a", frames[1] as KeptFrame);
  await before.note("a", frames[2] as KeptFrame);
  expect(await after.read("a", 2)).toEqual({ frames, since: [2, 3] }); // that was not done
  expect(await after.read("a", 3)).toEqual({ frames: frames.slice(1), since: [3] }); // it was, and nothing more
  await before.drop("a", 3);
  expect(await after.read("a", 2)).toEqual({ frames: [], since: [] });
  expect(await after.read("a", 3)).toEqual({ frames: frames.slice(1), since: [3] });
  // Who comes back notes into a journal of its own, whatever is under its name.
  await store.append("a", 5, entries[0] as Buffer, { anew: true });
  after.begin("a", 5, [3]);
  const next = { ...(frames[2] as KeptFrame), node: 5, parent: 4 };
  await after.note("a", next);
  expect(await before.read("a", 3)).toEqual({ frames: [...frames.slice(1), next], since: [3, 5] });
});

test("after a frame that could not be noted none is, until the session is saved; a session that was closed keeps none", async () => {
  const store = memoryStore();
  const journals = new SessionJournals(store);
  journals.begin("a", 2);
  vi.spyOn(store, "append").mockRejectedValueOnce(new Error("the disk is full"));
  await expect(journals.note("a", frames[0] as KeptFrame)).rejects.toThrow("full");
  await journals.note("a", frames[1] as KeptFrame);
  expect((await journals.read("a", 2)).frames).toEqual([]);
  journals.begin("a", 4);
  await journals.note("a", frames[2] as KeptFrame);
  expect((await journals.read("a", 4)).frames).toEqual(frames.slice(2));
  const leaving = journals.leave("a", { andDelete: true });
  await journals.note("a", frames[2] as KeptFrame);
  await leaving;
  expect((await journals.read("a", 4)).frames).toEqual([]);
});

test("a folder keeps sessions and journals apart, and deletes what is told, and what nobody has looked at for days", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-journal-"));
  try {
    const store = await openFolderStore(folder);
    await store.save("a", Uint8Array.of(1));
    for (const [i, entry] of entries.entries()) await store.append("a", 2, entry, { anew: i === 0 });
    expect(readJournal("a", await store.journal("a", 2), secret)).toEqual(frames);
    await store.append("a", 2, entries[0] ?? Buffer.of(), { anew: true });
    expect(readJournal("a", await store.journal("a", 2), secret)).toEqual(frames.slice(0, 1));
    expect([await store.load("a"), await store.load("b")]).toEqual([Buffer.of(1), undefined]);
    expect([...(await store.journal("a", 3))]).toEqual([]);
    for (const size of [9, 3]) await store.append("a", "position", new Uint8Array(size), { anew: true });
    expect([...(await store.journal("a", "position"))]).toEqual([0, 0, 0]);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    await store.removeJournals("a", [2, 3, "position"]);
    await store.remove("a");
    expect(await readdir(folder)).toEqual(["secret"]);
    await store.save("a", Uint8Array.of(1));
    await store.append("a", 2, entries[0] ?? Buffer.of(), { anew: true });
    const torn = `.${"a".repeat(64)}.session.1.tmp`; // of a server that was killed
    await writeFile(join(folder, torn), "half of it");
    await store.prune({ days: 1, bytes: Infinity });
    expect(await readdir(folder)).toHaveLength(4);
    await store.prune({ days: -1, bytes: Infinity });
    expect(await readdir(folder)).toEqual(["secret"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
