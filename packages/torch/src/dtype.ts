// Element types, devices and memory formats, and the numbers that libtorch knows them by.
import { invalid } from "@vid2world/formats";
import { libtorchVersion, native } from "./binding.js";
import { TorchError } from "./errors.js";

/** Type of a tensor's elements. */
export type DType = "bool" | "uint8" | "int32" | "int64" | "float16" | "bfloat16" | "float32" | "float64";
/** Where a tensor lives; "meta" tensors have a shape and no memory. */
export type Device = "cpu" | "meta" | "cuda" | `cuda:${number}`;
/** Order of a tensor's elements in memory; the channels_last formats are for images and videos. */
export type MemoryFormat = "contiguous" | "preserve" | "channels_last" | "channels_last_3d";

/** c10::ScalarType */
const DTYPE_CODES: Readonly<Record<DType, number>> = {
  uint8: 0,
  int32: 3,
  int64: 4,
  float16: 5,
  float32: 6,
  float64: 7,
  bool: 11,
  bfloat16: 15,
};
const DTYPE_NAMES = new Map(Object.entries(DTYPE_CODES).map(([name, code]) => [code, name as DType]));
const FORMAT_CODES: Readonly<Record<MemoryFormat, number>> = {
  contiguous: 0,
  preserve: 1,
  channels_last: 2,
  channels_last_3d: 3,
};

/** Bytes of one element. */
export const itemSize: Readonly<Record<DType, number>> = {
  bool: 1,
  uint8: 1,
  int32: 4,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

/** Whether the text names an element type. */
export const isDType = (name: string): name is DType => Object.hasOwn(DTYPE_CODES, name);
/** Whether elements of this type are floating-point numbers. */
export const isFloating = (dtype: DType): boolean => dtype.includes("float");

export function dtypeCode(dtype: DType): number {
  const code = DTYPE_CODES[dtype] as number | undefined;
  if (code === undefined) throw invalid("dtype", Object.keys(DTYPE_CODES).join(", "), dtype);
  return code;
}

/** Throws for a type that the library does not offer, such as complex numbers. */
export function dtypeOfCode(code: number): DType {
  const name = DTYPE_NAMES.get(code);
  if (name === undefined)
    throw invalid("dtype", Object.keys(DTYPE_CODES).join(", "), `libtorch's type ${String(code)}`);
  return name;
}

export const memoryFormatCode = (format: MemoryFormat): number => FORMAT_CODES[format];

/** 0 for the CPU, 1 + index for CUDA, -1 for meta tensors, which have a shape and no memory. Throws for a device that is not there. */
export function deviceCode(device: Device): number {
  if (device === "cpu") return 0;
  if (device === "meta") return -1;
  const match = /^cuda(?::(\d+))?$/.exec(device);
  if (!match) throw invalid("device", '"cpu", "meta", "cuda" or "cuda:N"', device);
  const index = Number(match[1] ?? 0);
  cudaDevices ??= native.cudaDeviceCount(); // asked once: this runs for every tensor that is made on a device
  if (index >= cudaDevices) throw new TorchError(missingDevice(device, cudaDevices));
  return 1 + index;
}

let cudaDevices: number | undefined;

function missingDevice(device: Device, count: number): string {
  const seen = count === 0 ? "no CUDA device" : `${count} CUDA device${count === 1 ? "" : "s"}, "cuda:0" first`;
  return `device: "${device}" is not here, libtorch ${libtorchVersion} sees ${seen}; use ${count === 0 ? '"cpu"' : "one of these"}, or see vid2world doctor`;
}

export function deviceOfCode(code: number): Device {
  if (code === 0) return "cpu";
  return code < 0 ? "meta" : `cuda:${code - 1}`;
}
