// Element types of PyTorch: their sizes, and the storage classes that name them in checkpoint files.
import type { SafetensorsDType } from "../safetensors-header.js";

interface TorchDTypeFacts {
  /** Bytes per element. */
  readonly size: number;
  /** Bytes per number; half an element of a complex type. What a byte swap turns around. */
  readonly unit: number;
  /** The class `torch.<storage>` of storages of this type, where there is one. */
  readonly storage?: string;
  readonly safetensors?: SafetensorsDType;
}

/** Every element type that is read and written, by its name in `torch`. */
export const TORCH_DTYPES = {
  float64: { size: 8, unit: 8, storage: "DoubleStorage", safetensors: "F64" },
  float32: { size: 4, unit: 4, storage: "FloatStorage", safetensors: "F32" },
  float16: { size: 2, unit: 2, storage: "HalfStorage", safetensors: "F16" },
  bfloat16: { size: 2, unit: 2, storage: "BFloat16Storage", safetensors: "BF16" },
  int64: { size: 8, unit: 8, storage: "LongStorage", safetensors: "I64" },
  int32: { size: 4, unit: 4, storage: "IntStorage", safetensors: "I32" },
  int16: { size: 2, unit: 2, storage: "ShortStorage", safetensors: "I16" },
  int8: { size: 1, unit: 1, storage: "CharStorage", safetensors: "I8" },
  uint8: { size: 1, unit: 1, storage: "ByteStorage", safetensors: "U8" },
  bool: { size: 1, unit: 1, storage: "BoolStorage", safetensors: "BOOL" },
  complex64: { size: 8, unit: 4, storage: "ComplexFloatStorage", safetensors: "C64" },
  complex128: { size: 16, unit: 8, storage: "ComplexDoubleStorage" },
  uint16: { size: 2, unit: 2, safetensors: "U16" },
  uint32: { size: 4, unit: 4, safetensors: "U32" },
  uint64: { size: 8, unit: 8, safetensors: "U64" },
  float8_e4m3fn: { size: 1, unit: 1, safetensors: "F8_E4M3" },
  float8_e5m2: { size: 1, unit: 1, safetensors: "F8_E5M2" },
} as const satisfies Record<string, TorchDTypeFacts>;

/** An element type as `torch` names it. */
export type TorchDType = keyof typeof TORCH_DTYPES;

/** Whether `dtype` is an element type that we read. */
export function isTorchDType(dtype: unknown): dtype is TorchDType {
  return typeof dtype === "string" && Object.hasOwn(TORCH_DTYPES, dtype);
}

/** The facts about an element type, under one type for all. */
export function torchDTypeFacts(dtype: TorchDType): TorchDTypeFacts {
  return TORCH_DTYPES[dtype];
}

/** The safetensors name of a torch element type; undefined for complex128, which that format lacks. */
export function safetensorsDTypeOf(dtype: TorchDType): SafetensorsDType | undefined {
  return torchDTypeFacts(dtype).safetensors;
}

/** The torch name of a safetensors element type; undefined where torch has none that we read. */
export function torchDTypeOf(dtype: SafetensorsDType): TorchDType | undefined {
  return (Object.keys(TORCH_DTYPES) as TorchDType[]).find((name) => safetensorsDTypeOf(name) === dtype);
}
