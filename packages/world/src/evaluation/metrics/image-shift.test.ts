// Shifts of made pictures are found exactly; shifts of the real recordings agree with the player's true turns.

import { existsSync, readFileSync } from "node:fs";
import { readVideo } from "@vid2world/formats/video";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../starts.js";
import { imageShift, imageShifts } from "./image-shift.js";

const [height, width] = [40, 64];

/** A picture cut out of a wide random texture, `offset` columns from its beginning. */
function view(texture: (y: number, x: number) => number, offset: number): Uint8Array {
  const picture = new Uint8Array(height * width * 3);
  for (let i = 0; i < picture.length; i++) {
    const pixel = Math.floor(i / 3);
    picture[i] = texture(Math.floor(pixel / width), (pixel % width) + offset);
  }
  return picture;
}

function randomTexture(seed: number): (y: number, x: number) => number {
  const random = seededRandom(seed);
  const values = Uint8Array.from({ length: height * 256 }, () => random() * 256);
  return (y, x) => values[y * 256 + x] ?? 0;
}

describe("imageShift", () => {
  test("finds the shift of a moved picture exactly, and with the sign of its movement", () => {
    fc.assert(
      fc.property(fc.integer({ min: -25, max: 25 }), fc.nat(1000), (moved, seed) => {
        const texture = randomTexture(seed);
        const measured = imageShift(view(texture, 100), view(texture, 100 - moved), { height, width });
        expect(measured.shift).toBe(moved);
        expect(measured.confident).toBe(true);
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  test("swapping the two frames turns the sign round", () => {
    const texture = randomTexture(3);
    const [a, b] = [view(texture, 90), view(texture, 97)];
    expect(imageShift(a, b, { height, width }).shift).toBe(-imageShift(b, a, { height, width }).shift);
  });

  test("a change of brightness does not matter", () => {
    const texture = randomTexture(4);
    const darker = view(texture, 95).map((value) => value / 2 + 20);
    expect(imageShift(view(texture, 100), darker, { height, width }).shift).toBe(5);
  });

  test("says so when there is nothing to see: one colour, unrelated pictures, a repeating texture", () => {
    const grey = new Uint8Array(height * width * 3).fill(128);
    expect(imageShift(grey, grey, { height, width }).confident).toBe(false);
    expect(imageShift(view(randomTexture(1), 0), view(randomTexture(2), 0), { height, width }).confident).toBe(false);
    const stripes = (y: number, x: number): number => (Math.floor(x / 4) % 2) * 200 + (y % 3);
    expect(imageShift(view(stripes, 0), view(stripes, 2), { height, width }).confident).toBe(false);
  });

  test("a picture of another size is an error that names it", () => {
    expect(() => imageShift(new Uint8Array(5), new Uint8Array(5), { height, width })).toThrow(/before_HWC/);
  });
});

const doom = `${process.env["VID2WORLD_SHARED"] ?? new URL("../../../../../../shared", import.meta.url).pathname}/data/doom/onemap`;

describe.skipIf(!existsSync(`${doom}/bot_e1m2_05.mp4`))(
  "imageShift on real play (skipped without the recordings)",
  () => {
    test.each(["bot_e1m2_05", "bot_e1m2_09"])("agrees with the player's turns in %s", async (name) => {
      const { frames_THWC, frames } = await readVideo(`${doom}/${name}.mp4`, { end: 300 });
      const { actions } = JSON.parse(readFileSync(`${doom}/${name}.json`, "utf8")) as { actions: { turn: number[] } };
      const measured = imageShifts(frames_THWC, { height: 120, width: 160, fieldOfView: 90 });
      expect(measured).toHaveLength(frames - 1);
      // A view of 90 degrees over 160 pixels: a turn of a degrees moves the middle by 80 tan(a) pixels.
      const pairs = measured.flatMap(({ shift, confident }, t) =>
        confident ? [[shift, 80 * Math.tan(((actions.turn[t] ?? 0) * Math.PI) / 180)] as const] : [],
      );
      expect(pairs.length).toBeGreaterThan(100);
      expect(correlation(pairs)).toBeGreaterThan(0.95);
      const turning = pairs.filter(([, turn]) => Math.abs(turn) > 5);
      const right = turning.filter(([shift, turn]) => shift * turn > 0).length;
      expect(right / turning.length).toBeGreaterThan(0.97);
    });
  },
);

function correlation(pairs: ReadonlyArray<readonly [number, number]>): number {
  const mean = (of: (pair: readonly [number, number]) => number): number =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const [x, y] = [mean(([a]) => a), mean(([, b]) => b)];
  const covariance = mean(([a, b]) => (a - x) * (b - y));
  return covariance / Math.sqrt(mean(([a]) => (a - x) ** 2) * mean(([, b]) => (b - y) ** 2));
}
