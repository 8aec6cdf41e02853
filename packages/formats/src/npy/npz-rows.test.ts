import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { NpyArray } from "./dtypes.js";
import { readNpz, writeNpz } from "./npz.js";
import { readNpzRows } from "./npz-rows.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-npz-rows-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = 50;
const WIDTH = 4000;
/** Half of it hardly compressible, half of it zeros: no estimate from the archive's sizes is right for every part. */
const image: NpyArray = {
  dtype: "uint8",
  shape: [ROWS, WIDTH],
  data: Uint8Array.from({ length: ROWS * WIDTH }, (_, i) =>
    i < (ROWS * WIDTH) / 2 ? (i * i * 31 + (i >> 3)) % 251 : 0,
  ),
};
const action: NpyArray = {
  dtype: "float64",
  shape: [ROWS, 3],
  data: Float64Array.from({ length: ROWS * 3 }, (_, i) => i / 7),
};
const arrays = new Map([
  ["image", image],
  ["action", action],
]);

describe.each([true, false])("rows of arrays (deflated: %s)", (compress) => {
  const file = join(folder, `${compress}.npz`);

  test("are those of the whole arrays, wherever they lie", async () => {
    await writeNpz(file, arrays, { compress });
    const whole = await readNpz(file);
    for (const [start, end] of [
      [0, 1],
      [0, ROWS],
      [24, 26],
      [ROWS - 1, ROWS],
      [7, 7],
    ] as const) {
      // prettier-ignore
      const some = await readNpzRows(file, { names: ["action", "image"], start, end });
      expect([...some.keys()]).toEqual(["action", "image"]);
      for (const [name, { shape, data }] of some) {
        const width = name === "image" ? WIDTH : 3;
        expect(shape).toEqual([end - start, width]);
        expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength)).toEqual(
          Buffer.from((whole.get(name)?.data.slice(start * width, end * width) ?? data).buffer),
        );
      }
    }
  });

  test("that are not there, arrays that are not there and damage are named", async () => {
    await writeNpz(file, arrays, { compress });
    const names = ["image"];
    await expect(readNpzRows(file, { names, start: 48, end: 51 })).rejects.toThrow(
      `${file}[image]: rows 48 to 50 asked for, but it has ${ROWS}`,
    );
    await expect(readNpzRows(file, { names: ["x"], start: 0, end: 1 })).rejects.toThrow('has no array "x"');
    await expect(readNpzRows(file, { names, start: 0, end: 1, maxBytes: 1000 })).rejects.toThrow("raise maxBytes");
    const bytes = readFileSync(file);
    bytes.fill(0xff, 3000, 3050);
    writeFileSync(file, bytes);
    if (!compress) return; // a stored array's part has no checksum of its own
    await expect(readNpzRows(file, { names, start: 0, end: ROWS })).rejects.toThrow(
      /\[image\].*(cannot be unpacked|checksum|cut short)/,
    );
  });
});

test("sizes that lie are refused", async () => {
  const file = join(folder, "bomb.npz");
  await writeNpz(file, arrays, { compress: true });
  const bomb = readFileSync(file);
  bomb.writeUInt32LE(4_000_000_000, bomb.indexOf("PK\x01\x02", 0, "latin1") + 24); // the size in the table of contents
  writeFileSync(file, bomb);
  await expect(readNpzRows(file, { names: ["image"], start: 0, end: 1 })).rejects.toThrow("it lies");
  bomb.writeUInt32LE(5000, bomb.indexOf("PK\x01\x02", 0, "latin1") + 24); // less than comes out
  writeFileSync(file, bomb);
  await expect(readNpzRows(file, { names: ["image"], start: 0, end: 1 })).rejects.toThrow("[image]");
});
