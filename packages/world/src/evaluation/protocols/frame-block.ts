// Frames in memory as a rollout makes them, one after the other, and the forms in which they are written.
// Axes: B batch, T frames, C = 3 (red, green, blue), H rows, W columns.
import { type NpyArray } from "@vid2world/formats/npy/dtypes";
import { invalid } from "@vid2world/formats";
import { type Tensor, scope } from "@vid2world/torch";

/** Frames [T 3 H W] of one clip, about -1 to 1, not clamped. */
export interface FrameBlock {
  readonly values: Float32Array;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** A block to be filled by {@link setFrames}. */
export function emptyBlock(frames: number, height: number, width: number): FrameBlock {
  return { values: new Float32Array(frames * 3 * height * width), frames, height, width };
}

/** A copy of frames [T 3 H W]. */
export function blockOf(frames_TCHW: Tensor): FrameBlock {
  const [frames, , height, width] = frames_TCHW.dims("T C H W");
  using plain = scope(() => frames_TCHW.to("cpu").float().contiguous());
  return { values: plain.toTypedArray() as Float32Array, frames, height, width };
}

/** Puts frame number `index` into every clip's block: row b of [B 3 H W] into block b. */
export function setFrames(blocks: readonly FrameBlock[], frame_BCHW: Tensor, index: number): void {
  const [batch] = frame_BCHW.dims("B C H W");
  if (batch !== blocks.length) throw invalid("frame_BCHW", `${blocks.length} rows, one for each clip`, batch);
  using plain = scope(() => frame_BCHW.to("cpu").float().contiguous());
  const values = plain.toTypedArray() as Float32Array;
  const size = values.length / batch;
  blocks.forEach((block, b) => block.values.set(values.subarray(b * size, (b + 1) * size), index * size));
}

/** Frames `start` up to `end` of a block, without copying. */
export function sliceBlock(block: FrameBlock, start: number, end: number): FrameBlock {
  const size = block.values.length / block.frames;
  return { ...block, values: block.values.subarray(start * size, end * size), frames: end - start };
}

/** Several blocks of one size as one. */
export function joinBlocks(first: FrameBlock, second: FrameBlock): FrameBlock {
  const values = new Float32Array(first.values.length + second.values.length);
  values.set(first.values);
  values.set(second.values, first.values.length);
  return { ...first, values, frames: first.frames + second.frames };
}

/** How 0..1 becomes a byte: published videos cut the fraction off, published pictures round. */
export type Rounding = "truncate" | "round";

/** Frame `index` as bytes H*W*3. */
export function frameBytes(block: FrameBlock, index: number, rounding: Rounding): Uint8Array {
  const { height, width, values } = block;
  const plane = height * width;
  const shift = rounding === "round" ? 0.5 : 0;
  const bytes = new Uint8Array(plane * 3);
  for (let c = 0; c < 3; c++) {
    const from = (index * 3 + c) * plane;
    // In float32, as the published code computes: it decides on which side of a whole number a value falls.
    for (let i = 0; i < plane; i++) bytes[i * 3 + c] = Math.fround(unit(values[from + i] ?? 0) * 255) + shift;
  }
  return bytes;
}

/** All frames as bytes, for a video. */
export function* videoFrames(block: FrameBlock): Generator<Uint8Array, void> {
  for (let t = 0; t < block.frames; t++) yield frameBytes(block, t, "truncate");
}

/** The block as the published raw files hold it: float32 [3 T H W], clamped, 0 to 1. */
export function rawFrames({ values, frames, height, width }: FrameBlock): NpyArray {
  const plane = height * width;
  const data = new Float32Array(values.length);
  for (let t = 0; t < frames; t++)
    for (let c = 0; c < 3; c++) {
      const [from, to] = [(t * 3 + c) * plane, (c * frames + t) * plane];
      for (let i = 0; i < plane; i++) data[to + i] = unit(values[from + i] ?? 0);
    }
  return { dtype: "float32", shape: [3, frames, height, width], data };
}

/** What {@link rawFrames} made, as a block again. */
export function blockOfRaw({ data, shape }: NpyArray): FrameBlock {
  const [, frames = 0, height = 0, width = 0] = shape;
  const block = emptyBlock(frames, height, width);
  const plane = height * width;
  for (let t = 0; t < frames; t++)
    for (let c = 0; c < 3; c++) {
      const [from, to] = [(c * frames + t) * plane, (t * 3 + c) * plane];
      for (let i = 0; i < plane; i++) block.values[to + i] = Number(data[from + i]) * 2 - 1;
    }
  return block;
}

/** -1..1, clamped, to 0..1, in float32. */
function unit(value: number): number {
  return Math.fround(Math.fround(Math.min(1, Math.max(-1, value)) + 1) / 2);
}
