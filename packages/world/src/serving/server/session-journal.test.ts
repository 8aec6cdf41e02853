// Frames of a session that a killed server leaves behind.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { KeptFrame } from "../engine.js";
import { packEntry, readJournal } from "./session-journal.js";
import { openFolderStore } from "./session-store.js";

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

test("a folder keeps a journal beside its session until that is saved again, and deletes both", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-journal-"));
  try {
    const store = await openFolderStore(folder);
    await store.save("a", Uint8Array.of(1));
    for (const entry of entries) await store.append("a", entry);
    expect(readJournal("a", (await store.load("a"))?.journal ?? new Uint8Array(), secret)).toEqual(frames);
    await store.save("a", Uint8Array.of(2));
    expect(await store.load("a")).toEqual({ saved: Buffer.of(2), journal: new Uint8Array() });
    await store.append("a", entries[0] ?? Buffer.of());
    await store.remove("a");
    expect(await readdir(folder)).toEqual(["secret"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
