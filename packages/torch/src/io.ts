// Tensors in safetensors files, one at a time: neither reading nor writing holds more than one tensor beside the result.

import {
  FormatError,
  openSafetensors,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsInput,
  writeSafetensors,
} from "@vid2world/formats";
import { noGrad } from "./autograd.js";
import { empty } from "./creation.js";
import { type Device, type DType, isFloating } from "./dtype.js";
import { keep, scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

/** Options of `loadSafetensors`. */
export interface LoadSafetensorsOptions {
  /** Where the tensors go. Default "cpu". */
  readonly device?: Device;
  /** Convert floating-point tensors to this type while loading. Default: as stored. */
  readonly dtype?: DType;
  /** Load only tensors whose name passes. The others are not read from the disk. */
  readonly filter?: (name: string) => boolean;
}

/** Options of `saveSafetensors`. */
export interface SaveSafetensorsOptions {
  /** Text that readers find in the header. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Convert floating-point tensors to this type while writing. Default: as they are. */
  readonly dtype?: DType;
}

/**
 * The tensors of a safetensors file by name, in the file's order, one at a time. They belong to the
 * caller: no scope frees them.
 */
export async function loadSafetensors(
  path: string,
  { device = "cpu", dtype, filter = () => true }: LoadSafetensorsOptions = {},
): Promise<Map<string, Tensor>> {
  await using file = await openSafetensors(path);
  const tensors = new Map<string, Tensor>();
  /** As long as the longest tensor so far. */
  let staging = new Uint8Array(0);
  try {
    for (const [name, entry] of file.tensors) {
      if (!filter(name)) continue;
      const stored = dtypeOf(entry.dtype, path, name);
      const length = entry.end - entry.begin;
      if (staging.length < length) staging = new Uint8Array(length);
      const bytes = await file.read(name, staging.subarray(0, length));
      tensors.set(
        name,
        scope(() => keep(place(bytes, entry, stored, device, dtype))),
      );
    }
  } catch (error) {
    for (const tensor of tensors.values()) tensor.dispose();
    throw error;
  }
  return tensors;
}

/**
 * Writes tensors to a safetensors file: whole under its name, or not at all. Tensors on other devices and strided ones are copied
 * one at a time. Nothing may free the tensors before the promise settles.
 */
export async function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  { metadata, dtype }: SaveSafetensorsOptions = {},
): Promise<void> {
  const entries = [...tensors].map(([name, tensor]) => {
    const stored = dtype !== undefined && isFloating(tensor.dtype) ? dtype : tensor.dtype;
    const bytes = (): Uint8Array => noGrad(() => scope(() => tensor.detach().to(stored).toBytes()));
    return { name, dtype: STORED[stored], shape: tensor.shape, bytes };
  });
  await writeSafetensors(path, entries, metadata === undefined ? {} : { metadata });
}

/** A tensor's values as they were, in the memory of the host. */
export interface TensorSnapshot extends SafetensorsInput {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Copies tensors to the host, as `writeSafetensors` of the formats takes them: to be written later, or by another thread. */
export function snapshotTensors(tensors: ReadonlyMap<string, Tensor>): TensorSnapshot[] {
  return [...tensors].map(([name, tensor]) => ({
    ...{ name, dtype: STORED[tensor.dtype], shape: tensor.shape },
    bytes: noGrad(() => scope(() => tensor.detach().toBytes())) as Uint8Array<ArrayBuffer>,
  }));
}

/** Our types under the names of the format. */
const STORED: Readonly<Record<DType, SafetensorsDType>> = {
  bool: "BOOL",
  uint8: "U8",
  int32: "I32",
  int64: "I64",
  float16: "F16",
  bfloat16: "BF16",
  float32: "F32",
  float64: "F64",
};

function dtypeOf(stored: SafetensorsDType, path: string, name: string): DType {
  const match = Object.entries(STORED).find(([, candidate]) => candidate === stored);
  if (match === undefined) {
    throw new FormatError(
      path,
      `tensor "${name}" has type ${stored}; convert it to one of ${Object.values(STORED).join(", ")}`,
    );
  }
  return match[0] as DType;
}

/** A tensor of its own memory: freeing it gives the memory back at once, which an array buffer does at a garbage collection. */
function place(
  bytes: Uint8Array,
  entry: SafetensorsEntry,
  stored: DType,
  device: Device,
  dtype: DType | undefined,
): Tensor {
  return noGrad(() => {
    const tensor = empty(entry.shape, { dtype: stored }).writeBytes(bytes);
    return tensor.to(dtype !== undefined && isFloating(stored) ? dtype : stored).to(device);
  });
}
