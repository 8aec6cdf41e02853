// How much and which way the picture moves from frame to frame, from small grey copies: enough to see what actions do.
//   H rows, W columns of a frame; h, w of its small copy

/** Small copies are this wide; their height follows the frame's shape. */
const SMALL_WIDTH = 48;
/** Largest shift that is looked for, in pixels of the small copy. */
const REACH = 8;

/** A small grey copy of a frame, 0 to 255. */
export interface SmallFrame {
  readonly grey: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** Shrinks a frame [H W 3] by averaging areas. */
export function shrink(frame: Uint8Array, height: number, width: number): SmallFrame {
  const w = Math.min(SMALL_WIDTH, width);
  const h = Math.max(1, Math.min(height, Math.round((height * w) / width)));
  const grey = new Float32Array(h * w);
  const counts = new Float32Array(h * w);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * h) / height) * w;
    for (let x = 0; x < width; x++) {
      const at = row + Math.floor((x * w) / width);
      const p = (y * width + x) * 3;
      grey[at] = (grey[at] ?? 0) + (frame[p] ?? 0) * 0.299 + (frame[p + 1] ?? 0) * 0.587 + (frame[p + 2] ?? 0) * 0.114;
      counts[at] = (counts[at] ?? 0) + 1;
    }
  }
  return { grey: grey.map((value, i) => value / (counts[i] ?? 1)), height: h, width: w };
}

/** Names of the numbers that {@link motionBetween} returns. */
export const MOTION_NAMES = ["change", "sideways", "up and down"] as const;

/** Movement from one frame to the next: mean change of brightness, and the shift to the right and down in small pixels. */
export function motionBetween(a: SmallFrame, b: SmallFrame): readonly [number, number, number] {
  let change = 0;
  for (let i = 0; i < a.grey.length; i++) change += Math.abs((b.grey[i] ?? 0) - (a.grey[i] ?? 0));
  const sideways = shiftOf(profile(a, "columns"), profile(b, "columns"));
  const down = shiftOf(profile(a, "rows"), profile(b, "rows"));
  return [change / a.grey.length, sideways, down];
}

function profile({ grey, height, width }: SmallFrame, along: "columns" | "rows"): Float32Array {
  const sums = new Float32Array(along === "columns" ? width : height);
  grey.forEach((value, i) => {
    const at = along === "columns" ? i % width : Math.floor(i / width);
    sums[at] = (sums[at] ?? 0) + value;
  });
  const mean = sums.reduce((sum, value) => sum + value, 0) / sums.length;
  return sums.map((value) => value - mean);
}

/** The shift of `b` against `a` with the smallest mean squared difference, refined by a parabola through its neighbours. */
function shiftOf(a: Float32Array, b: Float32Array): number {
  const reach = Math.min(REACH, Math.floor(a.length / 3));
  const costs: number[] = [];
  for (let shift = -reach; shift <= reach; shift++) {
    let [cost, count] = [0, 0];
    for (let i = Math.max(0, -shift); i < Math.min(a.length, a.length - shift); i++) {
      cost += ((b[i + shift] ?? 0) - (a[i] ?? 0)) ** 2;
      count++;
    }
    costs.push(cost / count);
  }
  const best = costs.indexOf(Math.min(...costs));
  const [left, middle, right] = [costs[best - 1], costs[best] ?? 0, costs[best + 1]];
  if (left === undefined || right === undefined) return best - reach;
  const bend = left - 2 * middle + right;
  return best - reach + (bend > 0 ? (left - right) / (2 * bend) : 0);
}
