// The header of a .npy file: a magic number, a version, and a Python dictionary with element type, order and shape.
import { FormatError } from "../errors.js";
import { dtypeOfCode, npyElements, type NpyDType } from "./dtypes.js";

/** What a .npy header says. */
export interface NpyHeader {
  readonly dtype: NpyDType;
  readonly shape: readonly number[];
  readonly bigEndian: boolean;
  /** The first axis is the fastest in the file. */
  readonly fortranOrder: boolean;
  /** Byte at which the elements begin. */
  readonly dataOffset: number;
  /** Bytes of all elements. */
  readonly dataBytes: number;
}

const MAGIC = Buffer.from("\x93NUMPY", "latin1");
/** Bytes that surely hold the fixed part: magic, version, length. */
export const NPY_PREFIX_BYTES = 12;
/** No dictionary of a plain array comes near; a longer one is damage or an attack. */
const LONGEST_DICTIONARY = 65_536;

/** Bytes from the beginning of the file to its elements, read from its first {@link NPY_PREFIX_BYTES}. */
export function npyHeaderBytes(prefix: Uint8Array, name: string): number {
  const bytes = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  if (bytes.length < NPY_PREFIX_BYTES) throw new FormatError(name, `${bytes.length} bytes are no .npy file; cut short`);
  if (!bytes.subarray(0, 6).equals(MAGIC)) throw new FormatError(name, "does not begin as a .npy file does", 0);
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) throw new FormatError(name, `.npy version ${version} is not known (1 to 3 are)`, 6);
  const [start, length] = version === 1 ? [10, bytes.readUInt16LE(8)] : [12, bytes.readUInt32LE(8)];
  if (length > LONGEST_DICTIONARY) throw new FormatError(name, `a header of ${length} bytes; it is damaged`, 8);
  return start + length;
}

/** Reads a header from bytes that hold at least all of it. */
export function parseNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const dataOffset = npyHeaderBytes(bytes.subarray(0, NPY_PREFIX_BYTES), name);
  if (bytes.length < dataOffset) throw new FormatError(name, "cut short within its header", bytes.length);
  const start = bytes[6] === 1 ? 10 : 12;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, dataOffset - start).toString("utf8");
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shapeText = /'shape'\s*:\s*\(([\d\sL,]*)\)/.exec(text)?.[1];
  if (order === undefined || shapeText === undefined) {
    throw new FormatError(name, "its header has no readable fortran_order and shape; it is damaged", start);
  }
  const { dtype, bigEndian } = parseDescr(text, name, start);
  const shape = shapeText
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => Number(part.replace("L", ""))); // Python 2 wrote 3L
  const dataBytes = shape.reduce((product, size) => product * size, npyElements[dtype].bytes);
  if (!shape.every(Number.isSafeInteger) || !Number.isSafeInteger(dataBytes)) {
    throw new FormatError(name, `a shape of (${shapeText}) is more than can be addressed`, start);
  }
  return { dtype, shape, bigEndian, fortranOrder: order === "True", dataOffset, dataBytes };
}

function parseDescr(text: string, name: string, offset: number): { dtype: NpyDType; bigEndian: boolean } {
  if (/'descr'\s*:\s*\[/.test(text)) {
    throw new FormatError(name, "holds records (a structured dtype); save each field as an array of its own", offset);
  }
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  if (descr === undefined) throw new FormatError(name, "its header names no element type; it is damaged", offset);
  const order = /^[<>|=]/.test(descr) ? descr[0] : "|";
  const code = order === descr[0] ? descr.slice(1) : descr;
  const dtype = dtypeOfCode(code);
  if (dtype !== undefined) return { dtype, bigEndian: order === ">" };
  const what = refusals[code[0] ?? ""] ?? "an element type that is not read here";
  throw new FormatError(name, `elements of type "${descr}": ${what}`, offset);
}

/** Kinds that are refused, each with what to do. */
const refusals: Readonly<Record<string, string>> = {
  O: "Python objects, which only running a pickle could read; save plain numbers",
  U: "text; save numbers, or the text as JSON",
  S: "byte strings; save numbers, or the bytes as uint8",
  a: "byte strings; save numbers, or the bytes as uint8",
  c: "complex numbers; save real and imaginary part as two arrays",
  f: "a float that other machines do not have; save as float64",
  M: "dates; save as int64",
  m: "time spans; save as int64",
  V: "raw records; save each field as an array of its own",
};

/** The bytes before the elements, little-endian and in C order, padded as numpy pads (to a multiple of 64). */
export function formatNpyHeader(dtype: NpyDType, shape: readonly number[]): Uint8Array {
  const { code, bytes } = npyElements[dtype];
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${bytes === 1 ? "|" : "<"}${code}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const head = Buffer.from([...MAGIC, 1, 0, padded.length & 255, padded.length >> 8]);
  return Buffer.concat([head, Buffer.from(padded, "latin1")]);
}
