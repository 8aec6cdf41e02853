// Atomic writes: the final name never holds a part, and nothing is left behind.
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { copyFileAtomically, writeAtomically, writeFileAtomically } from "./atomic.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-atomic-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a written file has the content and no temporary file stays beside it", async () => {
  await writeFileAtomically(join(folder, "a.txt"), "new");
  expect(await readFile(join(folder, "a.txt"), "utf8")).toBe("new");
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

test("a write that fails half-way leaves the old content and no temporary file", async () => {
  const path = join(folder, "a.txt");
  await writeFile(path, "old");
  const failing = writeAtomically(path, async (file) => {
    await file.write("half of the n");
    throw new Error("disk on fire");
  });
  await expect(failing).rejects.toThrow("disk on fire");
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

test("while writing, a reader still sees the old content", async () => {
  const path = join(folder, "a.txt");
  await writeFile(path, "old");
  const seen = await writeAtomically(path, async (file) => {
    await file.write("new");
    return readFile(path, "utf8");
  });
  expect(seen).toBe("old");
  expect(await readFile(path, "utf8")).toBe("new");
});

test("many writers of one name leave one of the contents, whole", async () => {
  const path = join(folder, "a.txt");
  const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000));
  await Promise.all(contents.map((content) => writeFileAtomically(path, content)));
  expect(contents).toContain(await readFile(path, "utf8"));
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

test("a missing folder is an error, not a file elsewhere", async () => {
  await expect(writeFileAtomically(join(folder, "none", "a.txt"), "x")).rejects.toThrow("ENOENT");
});

test("a copy has the content also of a file that nobody may write to, and one that fails leaves nothing", async () => {
  await writeFile(join(folder, "a.txt"), "new", { mode: 0o444 });
  await writeFile(join(folder, "b.txt"), "old");
  await copyFileAtomically(join(folder, "a.txt"), join(folder, "b.txt"));
  expect(await readFile(join(folder, "b.txt"), "utf8")).toBe("new");
  await expect(copyFileAtomically(join(folder, "none"), join(folder, "c.txt"))).rejects.toThrow("ENOENT");
  expect((await readdir(folder)).sort()).toEqual(["a.txt", "b.txt"]);
});
