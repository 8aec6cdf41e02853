// Pictures of frames: what the thread decodes by itself is, byte for byte, what sharp decodes; the rest is left to sharp.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeImage, type RgbImage } from "@vid2world/formats";
import { decodeJpeg, decodesJpeg } from "@vid2world/torch/pictures";
import sharp, { type Sharp } from "sharp";
import { afterAll, expect, it } from "vitest";
import { usePicture } from "./picture-file.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-picture-"));
afterAll(() => rmSync(folder, { recursive: true }));

let state = 1;
const below = (bound: number): number => (state = (state * 48271) % 2147483647) % bound;
const [height, width] = [37, 53];
/** Slopes and noise: every coefficient is in use. */
const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => ((i * 5) % 200) + below(56));
const picture = (): Sharp => sharp(pixels, { raw: { width, height, channels: 3 } });

const ordinary: [string, () => Sharp][] = [
  ["half the colours both ways", () => picture().jpeg({ quality: 90, chromaSubsampling: "4:2:0" })],
  ["all colours", () => picture().jpeg({ quality: 75, chromaSubsampling: "4:4:4" })],
  ["low quality", () => picture().jpeg({ quality: 12 })],
  ["progressive", () => picture().jpeg({ quality: 75, progressive: true })],
  ["grey", () => picture().greyscale().jpeg()],
];

async function used(file: string): Promise<RgbImage> {
  const copies: RgbImage[] = [];
  await usePicture(file, (some) => copies.push({ ...some, data_HWC: some.data_HWC.slice() }));
  return copies[0] as RgbImage;
}

it.skipIf(!decodesJpeg).each(ordinary)("decodes an ordinary JPEG as sharp does: %s", async (_, make) => {
  const bytes = await make().toBuffer();
  const own = decodeJpeg(bytes);
  expect(own).toEqual(await decodeImage(bytes));
  const room = new Uint8Array(height * width * 3 + 10);
  expect(decodeJpeg(bytes, room)?.data_HWC.buffer).toBe(room.buffer);
});

it("leaves to sharp what has to be turned, recoloured or refused", async () => {
  const whole = await picture().jpeg().toBuffer();
  const others = [
    await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    await picture().withIccProfile("p3").jpeg().toBuffer(),
    await picture().toColourspace("cmyk").jpeg().toBuffer(),
    await picture().png().toBuffer(),
    whole.subarray(0, whole.length - 200),
    Buffer.concat([whole.subarray(0, 700), Buffer.alloc(40, 0xff), whole.subarray(700)]),
    Buffer.alloc(0),
    Buffer.from("not a picture"),
  ];
  for (const bytes of others) expect(decodeJpeg(bytes)).toBeUndefined();
});

it("hands out pictures of all kinds, one after the other through the same memory", async () => {
  const turned = await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const small = await sharp(pixels.subarray(0, 48), { raw: { width: 4, height: 4, channels: 3 } })
    .jpeg()
    .toBuffer();
  const kinds = { whole: await picture().jpeg().toBuffer(), turned, png: await picture().png().toBuffer(), small };
  for (const [name, bytes] of [...Object.entries(kinds), ...Object.entries(kinds)]) {
    const file = join(folder, name);
    writeFileSync(file, bytes);
    expect(await used(file), name).toEqual(await decodeImage(bytes));
  }
  expect((await used(join(folder, "turned"))).height).toBe(width);
});

it("names a file that is cut short", async () => {
  const bytes = await picture().jpeg().toBuffer();
  writeFileSync(join(folder, "cut.jpg"), bytes.subarray(0, 900));
  await expect(used(join(folder, "cut.jpg"))).rejects.toThrow(/cut\.jpg: not a readable picture/);
});
