// Evenly spaced rows of a table: frames or actions of a clip.
import { FormatError, invalid } from "@vid2world/formats";

/** Rows start, start + stride, ... of which there are `frames`. */
export interface Span {
  readonly start: number;
  readonly frames: number;
  readonly stride: number;
}

/** Throws unless the span lies inside of `held` frames of `file`. */
export function checkSpan(file: string, { start, frames, stride }: Span, held: number): void {
  for (const [name, value, least] of [
    ["start", start, 0],
    ["frames", frames, 1],
    ["stride", stride, 1],
  ] as const) {
    if (!Number.isInteger(value) || value < least) throw invalid(name, `a whole number >= ${least}`, value);
  }
  const last = start + (frames - 1) * stride;
  if (last < held) return;
  throw new FormatError(file, `frames ${start} to ${last} are asked for, but it holds ${held} (0 to ${held - 1})`);
}

/** The span's rows of a table whose rows have `width` elements: a copy. */
export function takeRows<T extends Uint8Array | Float32Array>(
  table: T,
  width: number,
  { start, frames, stride }: Span,
): T {
  if (stride === 1) return table.slice(start * width, (start + frames) * width) as T;
  const rows = table.slice(0, frames * width) as T;
  for (let t = 0; t < frames; t++) {
    const from = (start + t * stride) * width;
    rows.set(table.subarray(from, from + width), t * width);
  }
  return rows;
}
