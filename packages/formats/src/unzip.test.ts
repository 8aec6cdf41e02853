// Archives are unpacked whole, not twice, and not outside of their folder; damage is named.
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { configure, TextReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unzip } from "./unzip.js";

let root: string;
beforeAll(async () => void (root = await mkdtemp(path.join(tmpdir(), "unzip-"))));
afterAll(() => rm(root, { recursive: true }));

async function archive(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  configure({ useWebWorkers: false });
  const writer = new ZipWriter(new Uint8ArrayWriter());
  for (const [file, text] of Object.entries(files)) await writer.add(file, new TextReader(text));
  const target = path.join(root, name);
  await writeFile(target, await writer.close());
  return target;
}

test("files appear with their folders, and what is there is not written again", async () => {
  const zip = await archive("a.zip", { "x/one.txt": "one".repeat(1000), "two.txt": "2" });
  const folder = path.join(root, "a");
  expect(await unzip(zip, folder)).toEqual(["x/one.txt", "two.txt"]);
  expect(await readFile(path.join(folder, "x/one.txt"), "utf8")).toBe("one".repeat(1000));
  const before = await stat(path.join(folder, "two.txt"));
  await unzip(zip, folder);
  expect((await stat(path.join(folder, "two.txt"))).mtimeMs).toBe(before.mtimeMs);
});

test("a name that leads outside, a damaged archive and one that is none are refused", async () => {
  const evil = await archive("evil.zip", { "aa/aa/up.txt": "x" });
  const bytes = await readFile(evil);
  await writeFile(evil, Buffer.from(bytes.toString("latin1").replaceAll("aa/aa/up.txt", "../../up.txt!").replaceAll("up.txt!", "up.txt"), "latin1")); // prettier-ignore
  await expect(unzip(evil, path.join(root, "evil"))).rejects.toThrow(/evil\.zip/);
  const torn = await archive("torn.zip", {
    "one.txt": Array.from({ length: 300 }, (_, i) => (i * i * 7919).toString(36)).join(""),
  });
  const whole = await readFile(torn);
  whole[400] = (whole[400] ?? 0) ^ 0xff;
  await writeFile(torn, whole);
  await expect(unzip(torn, path.join(root, "torn"))).rejects.toThrow(/torn\.zip/);
  await expect(stat(path.join(root, "torn/one.txt"))).rejects.toThrow(/ENOENT/);
  await writeFile(path.join(root, "none.zip"), "no archive");
  await expect(unzip(path.join(root, "none.zip"), root)).rejects.toThrow(/none\.zip: not a readable zip archive/);
});
