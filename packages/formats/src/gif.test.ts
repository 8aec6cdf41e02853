// GIFs keep frames, size and rate.
import sharp from "sharp";
import { expect, test } from "vitest";
import { encodeGif } from "./gif.js";

const [height, width] = [10, 12];
const frame = (grey: number): number[] => Array.from({ length: height * width * 3 }, () => grey);

test("every frame is there, also one that equals the frame before it", async () => {
  const greys = [0, 80, 80, 200];
  const gif = await encodeGif(Uint8Array.from(greys.flatMap(frame)), { height, width, fps: 5 });
  const { pages, delay, loop, format } = await sharp(gif, { animated: true }).metadata();
  expect({ pages, delay, loop, format }).toEqual({ pages: 4, delay: [200, 200, 200, 200], loop: 0, format: "gif" });
  const { data } = await sharp(gif, { animated: true }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const seen = greys.map((_, t) => data[t * height * width * 3]);
  for (const [t, grey] of greys.entries()) expect(Math.abs((seen[t] ?? NaN) - grey)).toBeLessThanOrEqual(8);
});

test("one frame is a still picture; part of a frame is refused", async () => {
  expect((await sharp(await encodeGif(Uint8Array.from(frame(5)), { height, width, fps: 8 })).metadata()).format).toBe(
    "gif",
  );
  await expect(encodeGif(new Uint8Array(5), { height, width, fps: 8 })).rejects.toThrow(/whole 12x10 RGB frames/);
});
