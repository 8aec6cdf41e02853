// safetensors: round trips of arbitrary tensors, the recorded fixtures, and files that must be refused.
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { FormatError, InvalidArgumentError } from "./errors.js";
import { SAFETENSORS_ITEM_SIZE, readSafetensorsHeader, safetensorsByteLength } from "./safetensors-header.js";
import type { SafetensorsDType } from "./safetensors-header.js";
import { openSafetensors, writeSafetensors, writeSafetensorsPieces, type SafetensorsInput } from "./safetensors.js";

const fixtures = resolve(process.env["VID2WORLD_SHARED"] ?? "../shared", "fixtures");
const dtypes = Object.keys(SAFETENSORS_ITEM_SIZE) as SafetensorsDType[];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

const anyTensor: fc.Arbitrary<SafetensorsInput> = fc
  .record({
    name: fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__"),
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
  })
  .chain((entry) => {
    const length = safetensorsByteLength(entry.dtype, entry.shape) ?? 0;
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ ...entry, bytes }));
  });
const anyTensors = fc.uniqueArray(anyTensor, { selector: ({ name }) => name, maxLength: 6 });

/** A file with this header text (or length field) and so many bytes of data. */
async function fileOf(header: string, dataBytes: number, length = BigInt(Buffer.byteLength(header))): Promise<string> {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length);
  const path = join(folder, "made.safetensors");
  await writeFile(path, Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(dataBytes)]));
  return path;
}

const entry = (name: string, dtype: string, shape: unknown, offsets: unknown): string =>
  `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets })}`;

test("whatever is written is read back exactly, with sorted names and aligned data", async () => {
  const path = join(folder, "any.safetensors");
  const anyMetadata = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true });
  await fc.assert(
    fc.asyncProperty(anyTensors, anyMetadata, async (tensors, metadata) => {
      await writeSafetensors(path, tensors, { metadata });
      await using file = await openSafetensors(path);
      expect(file.dataStart % 8).toBe(0);
      expect(file.metadata).toEqual(metadata);
      expect([...file.tensors.keys()].sort()).toEqual(tensors.map(({ name }) => name).sort());
      for (const { name, dtype, shape, bytes } of tensors) {
        expect(file.tensors.get(name)).toMatchObject({ dtype, shape });
        expect(await file.read(name)).toEqual(bytes);
      }
    }),
  );
});

test("a file cut anywhere is a FormatError that names the file and a byte inside it", async () => {
  const path = join(folder, "cut.safetensors");
  await writeSafetensors(path, [{ name: "a", dtype: "F32", shape: [3], bytes: new Uint8Array(12).fill(1) }]);
  const whole = await readFile(path);
  for (let length = 0; length < whole.length; length++) {
    await writeFile(path, whole.subarray(0, length));
    const error = await readSafetensorsHeader(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error, `cut at ${length}`).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ file: path });
    expect((error as FormatError).offset).toBeLessThanOrEqual(length);
  }
});

test("arbitrary bytes never do worse than a FormatError", async () => {
  const path = join(folder, "noise.safetensors");
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.json(), async (noise, json) => {
      await writeFile(path, noise);
      await expect(readSafetensorsHeader(path)).rejects.toThrow(FormatError);
      const error = await readSafetensorsHeader(await fileOf(json, 0)).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(FormatError);
    }),
  );
});

describe("a header is refused", () => {
  const a = entry("a", "F32", [2], [0, 8]);
  const cases: [string, string, number, RegExp][] = [
    ["when it is not JSON", "{nope}", 0, /not JSON/],
    ["when it is no object", "[1]", 0, /does not begin/],
    ["when a dtype is unknown", `{${entry("a", "F17", [2], [0, 8])}}`, 8, /unknown dtype "F17"/],
    ["when a dtype is a property of every object", `{${entry("a", "constructor", [2], [0, 8])}}`, 8, /unknown dtype/],
    ["when a tensor has two entries", `{${a},${a}}`, 8, /"a" twice/],
    [
      "when one entry has a field twice",
      `{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`,
      8,
      /twice/,
    ],
    ["when the same name is escaped in two ways", `{${a},${a.replace('"a"', '"\\u0061"')}}`, 8, /"a" twice/],
    ["when the bytes do not fit the shape", `{${entry("a", "F32", [3], [0, 8])}}`, 8, /takes 12/],
    ["when a size is negative", `{${entry("a", "F32", [-2, -1], [0, 8])}}`, 8, /not a list of sizes/],
    ["when a size is a fraction", `{${entry("a", "F32", [0.5, 4], [0, 8])}}`, 8, /not a list of sizes/],
    ["when the sizes overflow", `{${entry("a", "F32", [2 ** 40, 2 ** 40], [0, 8])}}`, 8, /takes/],
    ["when the offsets run backwards", `{${entry("a", "F32", [2], [8, 0])}}`, 8, /takes 8/],
    ["when there is a gap", `{${a},${entry("b", "U8", [1], [9, 10])}}`, 10, /leaves a gap/],
    ["when tensors overlap", `{${a},${entry("b", "U8", [1], [7, 8])}}`, 8, /overlaps/],
    ["when tensors reach past the end", `{${entry("a", "F32", [9], [0, 36])}}`, 8, /truncated/],
    ["when bytes follow the last tensor", `{${a}}`, 9, /1 bytes after/],
    ["when metadata are not strings", `{"__metadata__":{"a":1}}`, 0, /not a map of strings/],
    ["when an entry is null", `{"a":null}`, 0, /not an object/],
  ];
  test.each(cases)("%s", async (_, header, dataBytes, message) => {
    await expect(readSafetensorsHeader(await fileOf(header, dataBytes))).rejects.toThrow(message);
  });

  test("when its length field is absurd, without allocating it", async () => {
    await expect(readSafetensorsHeader(await fileOf("{}", 0, 2n ** 63n))).rejects.toThrow(/not a safetensors file/);
  });
});

test("padding after the JSON, empty tensors and the name __proto__ are fine", async () => {
  const tensors = `{${entry("none", "F32", [0, 7], [0, 0])},${entry("__proto__", "U8", [], [0, 1])}}    `;
  const header = await readSafetensorsHeader(await fileOf(tensors, 1));
  expect([...header.tensors.keys()]).toEqual(["none", "__proto__"]);
});

test("reading into a given buffer fills it, and a wrong size or name says so", async () => {
  const path = join(folder, "into.safetensors");
  await writeSafetensors(path, [{ name: "a", dtype: "U8", shape: [3], bytes: Uint8Array.of(1, 2, 3) }]);
  await using file = await openSafetensors(path);
  const target = new Uint8Array(8).subarray(2, 5);
  expect(await file.read("a", target)).toBe(target);
  expect([...new Uint8Array(target.buffer)]).toEqual([0, 0, 1, 2, 3, 0, 0, 0]);
  await expect(file.read("a", new Uint8Array(2))).rejects.toThrow(/expected 3 bytes/);
  await expect(file.read("b")).rejects.toThrow(InvalidArgumentError);
});

test("tensors that are written in pieces, side by side, give the same file; ranges of them are read", async () => {
  const [whole, pieces] = [join(folder, "whole.safetensors"), join(folder, "pieces.safetensors")];
  const tensors = [
    { name: "b", dtype: "U8", shape: [6], bytes: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    { name: "a", dtype: "F32", shape: [2], bytes: new Uint8Array(8).fill(7) },
  ] as const;
  await writeSafetensors(whole, tensors, { metadata: { of: "both" } });
  const plans = tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  const append = (path: string, sizes: [string, number][]) =>
    writeSafetensorsPieces(
      path,
      plans,
      async (put) => {
        const done = new Map<string, number>();
        for (const [name, size] of sizes) {
          const from = done.get(name) ?? 0;
          done.set(name, from + size);
          await put(
            name,
            (tensors.find((each) => each.name === name) as SafetensorsInput & { bytes: Uint8Array }).bytes.slice(
              from,
              from + size,
            ),
          );
        }
      },
      { metadata: { of: "both" } },
    );
  await append(pieces, [
    ["b", 2],
    ["a", 8],
    ["b", 4],
  ]);
  expect(Buffer.compare(await readFile(pieces), await readFile(whole))).toBe(0);
  await using file = await openSafetensors(pieces);
  expect([...(await file.readRange("b", 1, new Uint8Array(3)))]).toEqual([2, 3, 4]);
  await expect(file.readRange("b", 4, new Uint8Array(3))).rejects.toThrow("a place in b");
  await expect(
    append(join(folder, "short.safetensors"), [
      ["b", 2],
      ["a", 8],
    ]),
  ).rejects.toThrow("bytes of b: expected 4 more");
  const unknown = writeSafetensorsPieces(join(folder, "c.safetensors"), plans, (put) => put("c", new Uint8Array(2)));
  await expect(unknown).rejects.toThrow(InvalidArgumentError);
  expect((await readdir(folder)).filter((name) => name.includes("short"))).toEqual([]);
});

test("a lazy tensor of the wrong length fails and leaves no file", async () => {
  const path = join(folder, "lazy.safetensors");
  const lazy = { name: "a", dtype: "F32", shape: [2], bytes: () => Promise.resolve(new Uint8Array(7)) } as const;
  await expect(writeSafetensors(path, [lazy])).rejects.toThrow(/expected 8 bytes, received Uint8Array of 7 bytes/);
  expect((await readdir(folder)).filter((name) => name.includes("lazy"))).toEqual([]);
});

test("a name written twice, and the reserved name, are refused", async () => {
  const a = { name: "a", dtype: "U8", shape: [], bytes: new Uint8Array(1) } as const;
  await expect(writeSafetensors(join(folder, "x"), [a, a])).rejects.toThrow(/every name once/);
  await expect(writeSafetensors(join(folder, "x"), [{ ...a, name: "__metadata__" }])).rejects.toThrow(/any other name/);
});

test.skipIf(!existsSync(fixtures))("every recorded fixture is read, and rewritten to the same tensors", async () => {
  const names = (await readdir(fixtures)).filter((name) => name.endsWith(".safetensors"));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    await using file = await openSafetensors(join(fixtures, name));
    expect(file.tensors.size).toBeGreaterThan(0);
    const copy = join(folder, "copy.safetensors");
    const inputs = [...file.tensors.values()].map((tensor) => ({ ...tensor, bytes: () => file.read(tensor.name) }));
    await writeSafetensors(copy, inputs, { metadata: file.metadata });
    await using again = await openSafetensors(copy);
    for (const key of file.tensors.keys()) {
      const same = Buffer.compare(await again.read(key), await file.read(key)) === 0;
      expect(same, `${name} ${key}`).toBe(true);
    }
  }
});
