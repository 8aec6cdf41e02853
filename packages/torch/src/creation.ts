// Makes tensors: from JavaScript numbers and typed arrays, filled, random.
import { invalid } from "@vid2world/formats";
import { native } from "./binding.js";
import type { Device, DType } from "./dtype.js";
import * as ops from "./generated/ops.js";
import type { Generator } from "./random.js";
import { scope } from "./scope.js";
import { Tensor } from "./tensor.js";

/** Element type (default float32) and device (default cpu) of a new tensor. */
export interface CreationOptions {
  readonly dtype?: DType;
  readonly device?: Device;
}
/** The same for random tensors, with the generator to draw from (default: the device's own, see `manualSeed`). */
export interface RandomOptions extends CreationOptions {
  readonly generator?: Generator;
}
/** A number, or arrays in arrays of equal lengths. */
export type NestedNumbers = number | boolean | readonly NestedNumbers[];

/** dtype float32 unless said otherwise, whatever the values: JavaScript cannot tell 1 from 1.0. */
const resolved = (options: CreationOptions): { dtype: DType; device: Device } => ({
  dtype: options.dtype ?? "float32",
  device: options.device ?? "cpu",
});

function shapeOf(values: NestedNumbers): number[] {
  return typeof values === "object"
    ? [values.length, ...(values.length > 0 ? shapeOf(values[0] as NestedNumbers) : [])]
    : [];
}

function flatten(values: NestedNumbers, shape: readonly number[], into: number[]): void {
  if (typeof values !== "object") {
    if (shape.length > 0) throw invalid("values", "nested arrays of equal lengths", values);
    into.push(Number(values));
    return;
  }
  if (values.length !== shape[0])
    throw invalid("values", `nested arrays of equal lengths (${String(shape[0] ?? "a number")})`, values.length);
  for (const value of values) flatten(value, shape.slice(1), into);
}

/** A tensor of the nested values; float32 unless `dtype` says otherwise. */
export function tensor(values: NestedNumbers, options: CreationOptions = {}): Tensor {
  const shape = shapeOf(values);
  const flat: number[] = [];
  flatten(values, shape, flat);
  const { dtype, device } = resolved(options);
  return scope(() => fromTypedArray(Float64Array.from(flat), shape).to(dtype).to(device));
}

/** How to take over a typed array: `share` uses its memory without a copy (the array must then not be moved or resized). */
export interface FromTypedArrayOptions {
  readonly share?: boolean;
}

/** A tensor of the array's type (Uint8Array, Int32Array, BigInt64Array, Float32Array, Float64Array). Throws if the count does not fit `shape`. */
export function fromTypedArray(
  data: Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array,
  shape: readonly number[] = [data.length],
  options: FromTypedArrayOptions = {},
): Tensor {
  return new Tensor(native.fromTypedArray(data, shape, options.share ?? false));
}

/** Uninitialised memory. */
export const empty = (shape: readonly number[], options: CreationOptions = {}): Tensor =>
  ops.empty(shape, resolved(options));
/** A tensor of zeros. */
export const zeros = (shape: readonly number[], options: CreationOptions = {}): Tensor =>
  ops.zeros(shape, resolved(options));
/** A tensor of ones. */
export const ones = (shape: readonly number[], options: CreationOptions = {}): Tensor =>
  ops.ones(shape, resolved(options));
/** A tensor that holds `value` everywhere. */
export const full = (shape: readonly number[], value: number, options: CreationOptions = {}): Tensor =>
  ops.full(shape, value, resolved(options));

/** arange(end) or arange(start, end): int64 unless `dtype` says otherwise. */
export function arange(
  start: number,
  end?: number,
  options: CreationOptions & { readonly step?: number } = {},
): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  return ops.arange(from, to, {
    step: options.step ?? 1,
    dtype: options.dtype ?? "int64",
    device: options.device ?? "cpu",
  });
}

/** `steps` values from `start` to `end`, both included. */
export const linspace = (start: number, end: number, steps: number, options: CreationOptions = {}): Tensor =>
  ops.linspace(start, end, steps, resolved(options));

/** Standard normal values: those of torch.randn for the same generator state. */
export const randn = (shape: readonly number[], options: RandomOptions = {}): Tensor =>
  empty(shape, options).normal_({ generator: options.generator });
/** Uniform in [0, 1). */
export const rand = (shape: readonly number[], options: RandomOptions = {}): Tensor =>
  empty(shape, options).uniform_({ generator: options.generator });
/** Whole numbers from `low` to `high - 1`; int64 unless `dtype` says otherwise. */
export const randint = (low: number, high: number, shape: readonly number[], options: RandomOptions = {}): Tensor =>
  empty(shape, { ...options, dtype: options.dtype ?? "int64" }).random_(low, high, { generator: options.generator });
/** Standard normal values of another tensor's shape, dtype and device. */
export const randnLike = (like: Tensor, options: { readonly generator?: Generator } = {}): Tensor =>
  randn(like.shape, { dtype: like.dtype, device: like.device, ...options });
