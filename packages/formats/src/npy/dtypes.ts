// The element types of numpy arrays that are read and written: their codes in a file, their size, and the typed array of each.

/** Element types by their numpy names. */
export type NpyDType =
  | "bool"
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "uint32"
  | "int32"
  | "uint64"
  | "int64"
  | "float16"
  | "float32"
  | "float64";

/** Elements in memory: `bool` is a Uint8Array of 0 and 1, `float16` a Float32Array, 64-bit integers are bigints. */
export type NpyData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** An array in memory: elements in C order (the last axis is the fastest), in the byte order of this machine. */
export interface NpyArray {
  readonly dtype: NpyDType;
  readonly shape: readonly number[];
  readonly data: NpyData;
}

/** How one element type is stored. */
export interface NpyElement {
  /** Kind and size as in a file's `descr`, without the byte order: "f4". */
  readonly code: string;
  readonly bytes: number;
  /** A view over bytes that are aligned and in this machine's order. */
  readonly view: (buffer: ArrayBufferLike, offset: number, count: number) => NpyData;
}

/** Every element type that is read and written. */
export const npyElements: Readonly<Record<NpyDType, NpyElement>> = {
  bool: { code: "b1", bytes: 1, view: (...at) => new Uint8Array(...at) },
  uint8: { code: "u1", bytes: 1, view: (...at) => new Uint8Array(...at) },
  int8: { code: "i1", bytes: 1, view: (...at) => new Int8Array(...at) },
  uint16: { code: "u2", bytes: 2, view: (...at) => new Uint16Array(...at) },
  int16: { code: "i2", bytes: 2, view: (...at) => new Int16Array(...at) },
  uint32: { code: "u4", bytes: 4, view: (...at) => new Uint32Array(...at) },
  int32: { code: "i4", bytes: 4, view: (...at) => new Int32Array(...at) },
  uint64: { code: "u8", bytes: 8, view: (...at) => new BigUint64Array(...at) },
  int64: { code: "i8", bytes: 8, view: (...at) => new BigInt64Array(...at) },
  float16: { code: "f2", bytes: 2, view: (...at) => new Uint16Array(...at) }, // the bits; see float16ToFloat32
  float32: { code: "f4", bytes: 4, view: (...at) => new Float32Array(...at) },
  float64: { code: "f8", bytes: 8, view: (...at) => new Float64Array(...at) },
};

/** The element type of a code such as "f4", or undefined. */
export function dtypeOfCode(code: string): NpyDType | undefined {
  const found = Object.entries(npyElements).find(([, element]) => element.code === code);
  return found?.[0] as NpyDType | undefined;
}

/** Bits of half-precision numbers -> the same numbers. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  const sign = (half: number): number => (half & 0x8000 ? -1 : 1);
  return Float32Array.from(bits, (half) => {
    const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
    if (exponent === 31) return fraction ? NaN : sign(half) * Infinity;
    if (exponent === 0) return sign(half) * fraction * 2 ** -24;
    return sign(half) * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

const scratchFloat = new Float32Array(1);
const scratchWord = new Uint32Array(scratchFloat.buffer);

/** Numbers -> bits of the nearest half-precision numbers, ties to even, as numpy rounds. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => {
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
    if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
    if (magnitude < 0x38800000) {
      // Subnormal: adding 0.5 lets the float32 adder round at the place of a half's last bit.
      scratchWord[0] = magnitude;
      scratchFloat[0] = (scratchFloat[0] ?? 0) + 0.5;
      return sign | ((scratchWord[0] ?? 0) - 0x3f000000);
    }
    const odd = (magnitude >>> 13) & 1;
    return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
  });
}
