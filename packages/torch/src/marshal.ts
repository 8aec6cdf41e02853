// Writes operator arguments into the scratch buffer and wraps results; called by generated code only. Formats: native/src/dispatch.cc.
import { invalid } from "@vid2world/formats";
import { native, scratch } from "./binding.js";
import { TorchError } from "./errors.js";
import { Tensor } from "./tensor.js";

const strings = new Map<string, number>();

/** The handle of a tensor, or a clear error for anything else that plain JavaScript may have passed. */
export function handleOf(tensor: Tensor): number {
  if (!(tensor instanceof Tensor)) throw invalid("tensor argument", "a Tensor or undefined", tensor);
  // 0 stands for "no tensor" on the native side, so a freed one must be caught here.
  return tensor.handle === 0 ? -1 : tensor.handle;
}

export const wrap = (handle: number): Tensor => new Tensor(handle);

/** Reads a list of tensors from the scratch buffer. */
export function wrapList(at: number): Tensor[] {
  const count = scratch[at] as number;
  const tensors = new Array<Tensor>(count);
  for (let i = 0; i < count; i++) tensors[i] = new Tensor(scratch[at + 1 + i] as number);
  return tensors;
}

export function intern(text: string): number {
  let index = strings.get(text);
  if (index === undefined) {
    index = native.intern(text);
    strings.set(text, index);
  }
  return index;
}

function room(at: number, count: number): void {
  if (at + count >= scratch.length) {
    throw new TorchError(`operator call: its lists hold more than ${String(scratch.length)} values; split them`);
  }
}

/** Count and values; a single number stands for a list of one, undefined for none. */
export function writeNumbers(at: number, values: number | readonly number[] | undefined): number {
  if (values === undefined) {
    scratch[at] = -1;
    return at + 1;
  }
  if (typeof values === "number") {
    scratch[at] = 1;
    scratch[at + 1] = values;
    return at + 2;
  }
  room(at, values.length);
  scratch[at] = values.length;
  for (let i = 0; i < values.length; i++) scratch[at + 1 + i] = values[i] as number;
  return at + 1 + values.length;
}

export function writeBooleans(at: number, values: readonly boolean[]): number {
  room(at, values.length);
  scratch[at] = values.length;
  for (let i = 0; i < values.length; i++) scratch[at + 1 + i] = values[i] ? 1 : 0;
  return at + 1 + values.length;
}

export function writeTensors(at: number, tensors: readonly (Tensor | undefined)[]): number {
  room(at, tensors.length);
  scratch[at] = tensors.length;
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i];
    scratch[at + 1 + i] = tensor === undefined ? 0 : handleOf(tensor);
  }
  return at + 1 + tensors.length;
}

/** A whole number becomes an integer scalar, so that integer tensors stay integer, as in `x_int.add(1)`; anything else a float. */
export function writeScalar(at: number, value: number | undefined): void {
  scratch[at] = value === undefined ? 0 : Number.isSafeInteger(value) ? 1 : 2;
  scratch[at + 1] = value ?? 0;
}

export function writeScalars(at: number, values: readonly number[]): number {
  room(at, 2 * values.length);
  scratch[at] = values.length;
  for (let i = 0; i < values.length; i++) writeScalar(at + 1 + 2 * i, values[i]);
  return at + 1 + 2 * values.length;
}
