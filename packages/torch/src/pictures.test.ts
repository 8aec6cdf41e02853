// The native loops against the same sums written out, and what they refuse. That the rules which use them give the bytes of torchvision and
// Pillow is tested with those rules, in packages/world/src/data.
import { expect, test } from "vitest";
import { coverPicture, mixPicture, type CoveredAxis, type MixedAxis, type PictureWindow } from "./pictures.js";

let state = 1;
const below = (bound: number): number => (state = (state * 48271) % 2147483647) % bound;

function mixedAxis(oldSize: number, size: number): MixedAxis {
  const first = Int32Array.from({ length: size }, () => below(oldSize));
  return {
    first,
    second: first.map((place) => Math.min(place + 1, oldSize - 1)),
    far: Float32Array.from(first, () => below(1000) / 999),
  };
}

function coveredAxis(oldSize: number, size: number, taps: number): CoveredAxis {
  const weights = Int32Array.from({ length: size * taps }, () => Math.trunc((below(2 ** 23) - 2 ** 21) / taps));
  return { first: Int32Array.from({ length: size }, () => below(oldSize - taps + 1)), weights };
}

/** A window in the middle of a larger picture, and a place in the middle of another one. */
function places(height: number, width: number, columns: number, rows: number) {
  const stride = (width + 3) * 3;
  const bytes = Uint8Array.from({ length: (height + 2) * stride }, () => below(256));
  const source: PictureWindow = { bytes, start: stride + 6, stride, height, width };
  const row = (columns + 5) * 3;
  return { source, target: { bytes: new Uint8Array((rows + 2) * row).fill(7), start: row + 3, stride: row } };
}

const at = ({ bytes, start, stride }: PictureWindow, y: number, x: number, c: number): number =>
  bytes[start + y * stride + x * 3 + c] ?? NaN;

test.each([false, true])("mixtures are those of float32, rounded once; colours reversed: %s", (reversed) => {
  const [rows, columns] = [mixedAxis(9, 21), mixedAxis(17, 13)];
  const { source, target } = places(9, 17, 13, 21);
  mixPicture(source, target, { rows, columns, reversed });
  // a * (1 - far) + b * far, of which only the second product is rounded by itself.
  const mix = (a: number, b: number, far: number): number =>
    Math.fround(a * Math.fround(1 - far) + Math.fround(b * far));
  const rounded = new Uint8ClampedArray(1); // half to even
  const expected = target.bytes.slice().fill(7);
  for (let y = 0; y < 21; y++)
    for (let x = 0; x < 13; x++)
      for (let c = 0; c < 3; c++) {
        const within = (row: number): number => {
          const level = (column: number): number => at(source, row, column, reversed ? 2 - c : c);
          return mix(level(columns.first[x] ?? 0), level(columns.second[x] ?? 0), columns.far[x] ?? 0);
        };
        rounded[0] = mix(within(rows.first[y] ?? 0), within(rows.second[y] ?? 0), rows.far[y] ?? 0);
        expected[target.start + y * target.stride + x * 3 + c] = rounded[0] ?? 0;
      }
  expect(Buffer.compare(target.bytes, expected)).toBe(0); // what lies around the place is as it was
});

test("weighted sums are those of whole numbers, cut to bytes in between", () => {
  const [rows, columns] = [coveredAxis(9, 21, 3), coveredAxis(17, 13, 5)];
  const { source, target } = places(9, 17, 13, 21);
  coverPicture(source, target, { rows, columns });
  const toByte = (sum: number): number => Math.min(255, Math.max(0, (sum + 2 ** 21) >> 22));
  const sum = ({ first, weights }: CoveredAxis, i: number, taps: number, level: (place: number) => number): number =>
    toByte(
      Array.from({ length: taps }, (_, k) => level((first[i] ?? 0) + k) * (weights[i * taps + k] ?? 0)).reduce(
        (a, b) => a + b,
      ),
    );
  const expected = target.bytes.slice().fill(7);
  for (let y = 0; y < 21; y++)
    for (let x = 0; x < 13; x++)
      for (let c = 0; c < 3; c++) {
        const wide = (row: number): number => sum(columns, x, 5, (column) => at(source, row, column, c));
        expected[target.start + y * target.stride + x * 3 + c] = sum(rows, y, 3, wide);
      }
  expect(Buffer.compare(target.bytes, expected)).toBe(0);
});

test("nothing outside of the buffers is touched", () => {
  const { source, target } = places(4, 4, 4, 4);
  const axis = mixedAxis(4, 4);
  const covered = coveredAxis(4, 4, 2);
  const outside = { ...axis, second: Int32Array.of(0, 1, 2, 4) };
  const negative = { ...covered, first: Int32Array.of(0, 1, 2, -1) };
  const wrong: (() => void)[] = [
    () => mixPicture(source, target, { rows: axis, columns: outside }),
    () => mixPicture(source, target, { rows: outside, columns: axis }),
    () => mixPicture({ ...source, start: source.bytes.length - 8 }, target, { rows: axis, columns: axis }),
    () => mixPicture({ ...source, start: source.bytes.length + 8 }, target, { rows: axis, columns: axis }),
    () => mixPicture(source, { ...target, stride: 1000 }, { rows: axis, columns: axis }),
    () => mixPicture(source, target, { rows: { ...axis, far: new Float32Array(3) }, columns: axis }),
    () => coverPicture(source, target, { rows: covered, columns: negative }),
    () => coverPicture(source, target, { rows: negative, columns: covered }),
    () => coverPicture({ ...source, height: 400 }, target, { rows: covered, columns: covered }),
    () => coverPicture(source, { ...target, start: target.bytes.length }, { rows: covered, columns: covered }),
    () => coverPicture(source, target, { rows: covered, columns: { ...covered, weights: new Int32Array(0) } }),
  ];
  for (const call of wrong) expect(call).toThrow(/pictures: .*(outside|small|differ)/);
});
