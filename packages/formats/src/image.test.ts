import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, it } from "vitest";
import { encodeImage, decodeImage, readImage, writeImage } from "./image.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

const image = { data_HWC: Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (i * 37) & 255), height: 5, width: 7 };

it("returns every byte of a PNG", async () => {
  await writeImage(join(folder, "new", "a.png"), image);
  expect(await readImage(join(folder, "new", "a.png"))).toEqual(image);
});

it("writes JPEG that is near the original at high quality", async () => {
  const grey = { data_HWC: new Uint8Array(16 * 16 * 3).fill(120), height: 16, width: 16 };
  const { data_HWC } = await decodeImage(await encodeImage(grey, "jpg", { quality: 95 }));
  expect(data_HWC.every((value) => Math.abs(value - 120) <= 1)).toBe(true);
});

it("reads grey and transparent pictures as RGB", async () => {
  const raw = { raw: { width: 2, height: 1, channels: 4 } } as const;
  const transparent = await sharp(Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 255), raw)
    .png()
    .toBuffer();
  expect((await decodeImage(transparent)).data_HWC).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
  const grey = await sharp(Uint8Array.of(9, 8), { raw: { width: 2, height: 1, channels: 1 } })
    .png()
    .toBuffer();
  expect((await decodeImage(grey)).data_HWC).toEqual(Uint8Array.of(9, 9, 9, 8, 8, 8));
});

it("names the file that is no picture, and refuses CMYK", async () => {
  writeFileSync(join(folder, "bad.png"), "not a picture");
  await expect(readImage(join(folder, "bad.png"))).rejects.toThrow(/bad.png: not a readable picture: /);
  const cmyk = await sharp(image.data_HWC, { raw: { width: 7, height: 5, channels: 3 } })
    .toColourspace("cmyk")
    .jpeg()
    .toBuffer();
  await expect(decodeImage(cmyk, "print.jpg")).rejects.toThrow(/print.jpg: a CMYK picture/);
});

it("refuses data of another size and endings it cannot write", async () => {
  await expect(encodeImage({ ...image, width: 8 }, "png")).rejects.toThrow(/image.data_HWC: expected 120 bytes/);
  await expect(writeImage("x.gif", image)).rejects.toThrow(/\.png, \.jpg or \.jpeg/);
});
