// The checksum finds every kind of damage and leaves an ordinary file.
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { verifySafetensors } from "./safetensors-checksum.js";
import { openSafetensors, writeSafetensors } from "./safetensors.js";

let folder = "";
let file = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "checksum-"));
  file = join(folder, "a.safetensors");
  const bytes = Uint8Array.from({ length: 400 }, (_, i) => i);
  await writeSafetensors(file, [{ name: "x", dtype: "U8", shape: [400], bytes }], {
    metadata: { a: "b" },
    checksum: true,
  });
});
afterEach(() => rm(folder, { recursive: true }));

test("a whole file passes, and readers see its tensors and metadata", async () => {
  expect(await verifySafetensors(file)).toBe(true);
  await using opened = await openSafetensors(file);
  expect(opened.metadata).toEqual({ crc32: expect.stringMatching(/^[0-9a-f]{8}$/) as string, a: "b" });
  expect((await opened.read("x"))[300]).toBe(300 % 256);
});

test("one changed bit is found, wherever it is", async () => {
  const whole = await readFile(file);
  for (const position of [0, 36, 60, whole.length - 399, whole.length - 1]) {
    const damaged = Uint8Array.from(whole);
    damaged[position] = (damaged[position] ?? 0) ^ 1;
    await writeFile(file, damaged);
    await expect(verifySafetensors(file), `byte ${position}`).rejects.toThrow("is damaged");
  }
});

test("a cut file is found, and a file without a checksum is not called damaged", async () => {
  await truncate(file, 200);
  await expect(verifySafetensors(file)).rejects.toThrow("is damaged");
  await writeSafetensors(file, []);
  expect(await verifySafetensors(file)).toBe(false);
});
