// Tensors and storages of a checkpoint as records: where their bytes are, not the bytes.
import { torchDTypeFacts, type TorchDType } from "./dtypes.js";

/** One block of memory that tensors are views of. Read by nobody but the archive that it came from. */
export interface TorchStorageRecord {
  /** Its name in the file: the last part of `archive/data/0`, or the key of a legacy file. */
  readonly key: string;
  readonly byteLength: number;
  /** The device it was saved from (`cpu`, `cuda:0`). Information only: bytes are bytes. */
  readonly location: string;
}

/** What {@link TorchTensorRecord} is made of. `stride` and `offset` count elements. */
export interface TorchTensorFields {
  readonly dtype: TorchDType;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
  readonly storage: TorchStorageRecord;
  readonly requiresGrad?: boolean;
}

/** A tensor in a checkpoint: a strided view of a storage. Every one was checked to lie inside its storage. */
export class TorchTensorRecord implements TorchTensorFields {
  readonly dtype: TorchDType;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
  readonly storage: TorchStorageRecord;
  /** True for parameters. */
  readonly requiresGrad: boolean;

  constructor({ dtype, shape, stride, offset, storage, requiresGrad = false }: TorchTensorFields) {
    this.dtype = dtype;
    this.shape = shape;
    this.stride = stride;
    this.offset = offset;
    this.storage = storage;
    this.requiresGrad = requiresGrad;
  }

  /** The number of elements: 1 for a tensor without axes. */
  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** The bytes that `read` gives: elements side by side, last axis fastest. */
  get byteLength(): number {
    return this.numel * torchDTypeFacts(this.dtype).size;
  }

  /** For messages: `float32 [2, 3]`. */
  toString(): string {
    return `${this.dtype} [${this.shape.join(", ")}]`;
  }
}

/** The elements of the storage that a view touches: `begin` to `end` (exclusive); both 0 if it has no elements. */
export function elementSpan({ shape, stride, offset }: Pick<TorchTensorFields, "shape" | "stride" | "offset">): {
  begin: number;
  end: number;
} {
  if (shape.includes(0)) return { begin: 0, end: 0 };
  // torch has no negative strides, so the first element is the lowest.
  const last = shape.reduce((position, size, axis) => position + (size - 1) * (stride[axis] ?? 0), offset);
  return { begin: offset, end: last + 1 };
}

/** Whether a view's elements lie side by side in the order of reading. */
export function isContiguous({ shape, stride }: Pick<TorchTensorFields, "shape" | "stride">): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    if (size !== 1 && stride[axis] !== expected) return size === 0;
    expected *= size;
  }
  return true;
}
