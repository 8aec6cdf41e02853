// Puts the elements of a strided view side by side, and turns big-endian numbers around.

/** A strided view in elements; `offset` is where it begins in `source`. */
export interface StridedView {
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
}

type Units = Uint8Array | Uint16Array | Uint32Array;

/**
 * Copies the elements of a view of `source` into `target`, last axis fastest. Bits are copied, never numbers, so NaN
 * payloads survive. Both buffers begin at a multiple of 4.
 */
export function gather(
  source: Uint8Array,
  target: Uint8Array,
  { shape, stride, offset }: StridedView,
  itemSize: number,
) {
  // Copied in units of at most 4 bytes; a wider element is one more axis.
  const unit = Math.min(itemSize, 4);
  const parts = itemSize / unit;
  const from = inUnits(source, unit);
  const to = inUnits(target, unit);
  const sizes = [...shape, parts];
  const steps = [...stride.map((step) => step * parts), 1];
  copyRows(from, to, sizes, steps, offset * parts);
}

function inUnits(bytes: Uint8Array, unit: number): Units {
  const length = Math.floor(bytes.byteLength / unit);
  if (unit === 1) return bytes;
  return unit === 2
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, length)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, length);
}

/** Runs through all rows along the last axis (after joining axes that lie side by side) like an odometer. */
function copyRows(from: Units, to: Units, shape: readonly number[], stride: readonly number[], offset: number): void {
  const { sizes, steps } = joinAxes(shape, stride);
  const row = sizes.pop() ?? 1;
  const step = steps.pop() ?? 1;
  const index = sizes.map(() => 0);
  let position = offset;
  for (let done = 0; done < to.length; done += row) {
    if (step === 1) to.set(from.subarray(position, position + row), done);
    else for (let i = 0; i < row; i++) to[done + i] = from[position + i * step] ?? 0;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      const size = sizes[axis] ?? 1;
      const next = (index[axis] ?? 0) + 1;
      position += steps[axis] ?? 0;
      if (next < size) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      position -= size * (steps[axis] ?? 0);
    }
  }
}

/** The same view with as few axes as possible: sizes of 1 dropped, and an axis joined to the next where it continues it. */
function joinAxes(shape: readonly number[], stride: readonly number[]): { sizes: number[]; steps: number[] } {
  const sizes: number[] = [];
  const steps: number[] = [];
  for (const [axis, size] of shape.entries()) {
    const step = stride[axis] ?? 0;
    if (size === 1) continue;
    if (sizes.length > 0 && steps.at(-1) === size * step) {
      sizes.push((sizes.pop() ?? 1) * size);
      steps[steps.length - 1] = step;
    } else {
      sizes.push(size);
      steps.push(step);
    }
  }
  return { sizes, steps };
}

/** Reverses the bytes of every number of `unit` bytes, in place. */
export function swapBytes(bytes: Uint8Array, unit: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (unit === 2) buffer.swap16();
  else if (unit === 4) buffer.swap32();
  else if (unit === 8) buffer.swap64();
}
