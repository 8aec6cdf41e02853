// Understands the few functions by which checkpoints describe tensors, and makes checked records of what they say.
import type { FormatError } from "../errors.js";
import type { PickleHooks } from "../pickle/machine.js";
import { PickleGlobal, PickleObject } from "../pickle/values.js";
import { isTorchDType, TORCH_DTYPES, torchDTypeFacts, type TorchDType } from "./dtypes.js";
import { elementSpan, TorchTensorRecord, type TorchStorageRecord } from "./records.js";

/** A storage as the pickle speaks of it: typed, and in very old files possibly a part of another. */
class StorageView {
  readonly record: TorchStorageRecord;
  /** Undefined: untyped, so that the tensor brings the type. */
  readonly dtype: TorchDType | undefined;
  /** In elements of `dtype`, bytes if untyped. */
  readonly offset: number;

  constructor(record: TorchStorageRecord, dtype: TorchDType | undefined, offset: number) {
    this.record = record;
    this.dtype = dtype;
    this.offset = offset;
  }
}

/** A storage and the size of the elements that the file counts it in. */
export interface NamedStorage extends TorchStorageRecord {
  readonly elementSize: number;
}

/** The storages that a pickle names, by key, and what reads it. */
export interface TensorBuilder {
  readonly storages: ReadonlyMap<string, NamedStorage>;
  readonly hooks: PickleHooks;
}

type Fail = (message: string) => FormatError;

const STORAGE_CLASSES: ReadonlyMap<string, TorchDType> = new Map(
  Object.keys(TORCH_DTYPES)
    .filter(isTorchDType)
    .flatMap((dtype) => {
      const { storage } = torchDTypeFacts(dtype);
      return storage === undefined ? [] : [[storage, dtype] as const];
    }),
);

/** Hooks for reading one checkpoint's pickle; the storages that it named are in `storages` afterwards. */
export function tensorBuilder(): TensorBuilder {
  const storages = new Map<string, NamedStorage>();

  const persistentLoad = (id: unknown, fail: Fail): unknown => {
    if (!Array.isArray(id)) throw fail("a persistent id that is no tuple; not a checkpoint of PyTorch");
    const [kind, type, key, location, count, view] = id as unknown[];
    if (kind === "module") return type; // (module, class, source file, source): the class, as a name
    if (kind !== "storage") throw fail("a persistent id that names no storage; not a checkpoint of PyTorch");
    if (typeof key !== "string" && typeof key !== "number") throw fail("a storage whose key is no text");
    if (!isSize(count)) throw fail(`storage ${key}: its number of elements is not one`);
    const dtype = storageDType(type, fail);
    const elementSize = dtype === undefined ? 1 : torchDTypeFacts(dtype).size;
    const name = String(key);
    const byteLength = count * elementSize;
    const known = storages.get(name);
    if (known !== undefined && known.byteLength !== byteLength) {
      throw fail(`storage ${name} has ${known.byteLength} bytes in one place and ${byteLength} in another`);
    }
    const record = known ?? { key: name, byteLength, location: String(location), elementSize };
    storages.set(name, record);
    return new StorageView(record, dtype, viewOffset(view, fail));
  };

  const reduce = (callable: PickleGlobal, args: readonly unknown[], fail: Fail): unknown => {
    if (callable.is("_rebuild_from_type_v2", "torch._tensor")) {
      // (function, class, its arguments, state): a tensor with attributes of its own, or of a subclass.
      const [inner, , innerArgs] = args;
      if (!(inner instanceof PickleGlobal) || !Array.isArray(innerArgs)) return undefined;
      return reduce(inner, innerArgs, fail);
    }
    return callable.module === "torch._utils" ? rebuild(callable.name, args, fail) : undefined;
  };

  return { storages, hooks: { persistentLoad, reduce } };
}

function rebuild(name: string, args: readonly unknown[], fail: Fail): unknown {
  const [storage, offset, shape, stride, requiresGrad] = args;
  switch (name) {
    case "_rebuild_tensor":
      return tensor({ storage, offset, shape, stride }, fail);
    case "_rebuild_tensor_v2":
      return tensor({ storage, offset, shape, stride, requiresGrad }, fail);
    case "_rebuild_tensor_v3": // element types newer than typed storages: the type is an argument
      return tensor({ storage, offset, shape, stride, requiresGrad, dtype: args[6] }, fail);
    case "_rebuild_parameter":
    case "_rebuild_parameter_with_state": {
      const [data, isTrained] = args;
      if (data instanceof PickleObject) return data; // of a kind that is not read: stays a record
      if (!(data instanceof TorchTensorRecord)) throw fail("a parameter that is no tensor");
      return new TorchTensorRecord({ ...data, requiresGrad: isTrained === true });
    }
    default:
      return undefined; // sparse, quantised and other tensors stay records
  }
}

interface RawTensor {
  readonly storage: unknown;
  readonly offset: unknown;
  readonly shape: unknown;
  readonly stride: unknown;
  readonly requiresGrad?: unknown;
  readonly dtype?: unknown;
}

function tensor({ storage, offset, shape, stride, requiresGrad, dtype }: RawTensor, fail: Fail): TorchTensorRecord {
  if (!(storage instanceof StorageView)) throw fail("a tensor without a storage; the file is broken or hostile");
  if (!isSize(offset) || !isSizes(shape) || !isSizes(stride) || shape.length !== stride.length) {
    throw fail("a tensor whose shape, strides or offset are not sizes");
  }
  const type = storage.dtype ?? torchDType(dtype, fail);
  const { size } = torchDTypeFacts(type);
  // The offset of a part of an untyped storage counts bytes; no writer makes those.
  const fields = { dtype: type, shape, stride, offset: offset + storage.offset, storage: storage.record };
  const record = new TorchTensorRecord({ ...fields, requiresGrad: requiresGrad === true });
  const { end } = elementSpan(record);
  if (!Number.isSafeInteger(record.byteLength) || end * size > storage.record.byteLength) {
    const has = Math.floor(storage.record.byteLength / size);
    throw fail(
      `tensor ${record.toString()} reaches to element ${end} of storage ${record.storage.key}, which has ${has}`,
    );
  }
  return record;
}

/** `torch.FloatStorage`, `torch.cuda.FloatStorage`, `torch.storage.UntypedStorage`; undefined for the last. */
function storageDType(type: unknown, fail: Fail): TorchDType | undefined {
  if (!(type instanceof PickleGlobal)) throw fail("a storage whose type is no class");
  if (type.is("UntypedStorage", "torch.storage", "torch") || type.is("_UntypedStorage", "torch.storage", "torch")) {
    return undefined;
  }
  const dtype = type.module === "torch" || type.module === "torch.cuda" ? STORAGE_CLASSES.get(type.name) : undefined;
  if (dtype === undefined) throw fail(`storages of type ${type.toString()} are not read`);
  return dtype;
}

function torchDType(dtype: unknown, fail: Fail): TorchDType {
  if (dtype instanceof PickleGlobal && dtype.module === "torch" && isTorchDType(dtype.name)) return dtype.name;
  throw fail("a tensor without an element type that is read");
}

/** Files from before PyTorch 0.2 may name a part of a storage: (its key, offset, size). */
function viewOffset(view: unknown, fail: Fail): number {
  if (view === undefined || view === null) return 0;
  const offset: unknown = Array.isArray(view) ? (view as unknown[])[1] : undefined;
  if (!isSize(offset)) throw fail("a part of a storage without an offset");
  return offset;
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}
