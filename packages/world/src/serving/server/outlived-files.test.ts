// Which saved sessions are deleted.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { outlivedFiles } from "./outlived-files.js";
import { memoryStore, openFolderStore } from "./session-store.js";

const HOUR = 3_600_000;
const file = (session: string, kind: string, hoursAgo: number, bytes: number) => {
  return { name: `${session} ${kind}`, session, bytes, since: Date.now() - hoursAgo * HOUR };
};
const files = [
  file("old", "session", 30, 5),
  file("slow", "session", 40, 5), // saved long ago, but its player is at it
  file("slow", "journal", 1, 1),
  file("new", "session", 2, 5),
];

test("sessions go by age, each with all its files, and none whose journal goes on", () => {
  expect(outlivedFiles(files, { days: 1, bytes: 100 })).toEqual({ names: ["old session"], crowdedOut: 0 });
  expect(outlivedFiles(files, { days: 2, bytes: 100 })).toEqual({ names: [], crowdedOut: 0 });
});

test("where they take too much, the ones written longest ago go", () => {
  expect(outlivedFiles(files, { days: 2, bytes: 11 })).toEqual({ names: ["old session"], crowdedOut: 1 });
  expect(outlivedFiles(files, { days: 2, bytes: 10 }).names).toEqual(["new session", "old session"]);
  expect(outlivedFiles(files, { days: 1, bytes: 6 })).toEqual({ names: ["new session", "old session"], crowdedOut: 1 });
  expect(outlivedFiles(files, { days: 1, bytes: 0 }).names).toHaveLength(4);
});

test("a store keeps no more than it is told, in memory and in a folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-kept-"));
  try {
    const stores = [memoryStore(), await openFolderStore(folder)];
    for (const store of stores) {
      for (const id of ["a", "b", "c"]) {
        await store.save(id, new Uint8Array(100));
        await store.append(id, 2, new Uint8Array(10), { anew: true });
      }
      expect(await store.prune({ days: 1, bytes: 330 })).toBe(0);
      expect(await store.prune({ days: 1, bytes: 220 })).toBe(1);
      const left = await Promise.all(["a", "b", "c"].map((id) => store.load(id)));
      expect(left.filter((bytes) => bytes !== undefined)).toHaveLength(2);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
