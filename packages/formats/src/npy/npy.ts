// Reads and writes .npy files (one numpy array each): little and big endian, C and Fortran order, numbers and booleans.
import { open, type FileHandle } from "node:fs/promises";
import { writeAtomically, writeFully } from "../atomic.js";
import { FormatError, invalid } from "../errors.js";
import { float16ToFloat32, float32ToFloat16, npyElements, type NpyArray, type NpyData } from "./dtypes.js";
import { formatNpyHeader, NPY_PREFIX_BYTES, npyHeaderBytes, parseNpyHeader, type NpyHeader } from "./npy-header.js";

/** Limits of reading. */
export interface ReadNpyOptions {
  /** Most bytes that the elements may take in memory, so that a small file cannot ask for all of it. Default 4 GiB. */
  readonly maxBytes?: number;
}

/** Default of `maxBytes`. */
export const NPY_MAX_BYTES = 2 ** 32;

/** Reads a .npy file. */
export async function readNpy(file: string, options: ReadNpyOptions = {}): Promise<NpyArray> {
  const handle = await open(file, "r");
  try {
    const prefix = await readAt(handle, 0, NPY_PREFIX_BYTES);
    const header = parseNpyHeader(await readAt(handle, 0, npyHeaderBytes(prefix, file)), file);
    checkSize(file, header, (await handle.stat()).size, options);
    return toArray(header, await readAt(handle, header.dataOffset, header.dataBytes));
  } finally {
    await handle.close();
  }
}

/** Decodes the bytes of a .npy file; `name` is what errors call it. */
export function decodeNpy(bytes: Uint8Array, name = "array", options: ReadNpyOptions = {}): NpyArray {
  const header = parseNpyHeader(bytes, name);
  checkSize(name, header, bytes.length, options);
  return toArray(header, bytes.slice(header.dataOffset)); // a copy, ours to turn around
}

/** The bytes of a .npy file, as numpy would write them. */
export function encodeNpy(array: NpyArray): Uint8Array {
  return Buffer.concat([formatNpyHeader(array.dtype, array.shape), npyDataBytes(array)]);
}

/** Writes a .npy file under a temporary name and renames it. */
export async function writeNpy(file: string, array: NpyArray): Promise<void> {
  await writeAtomically(file, async (handle) => {
    await writeFully(handle, formatNpyHeader(array.dtype, array.shape));
    await writeFully(handle, npyDataBytes(array));
  });
}

/** The element bytes of an array as they stand in a file; checks that they fit its shape and type. */
export function npyDataBytes({ dtype, shape, data }: NpyArray): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const { bytes, view } = npyElements[dtype];
  const stored = dtype === "float16" && data instanceof Float32Array ? float32ToFloat16(data) : data;
  const kind = view(new ArrayBuffer(0), 0, 0).constructor.name;
  if (data.length !== count || stored.BYTES_PER_ELEMENT !== bytes || stored.constructor.name !== typeName(kind, data)) {
    const wanted = dtype === "float16" ? "Float32Array" : kind;
    throw invalid(
      "array.data",
      `a ${wanted} of ${count} elements (${dtype})`,
      `${data.constructor.name} of ${data.length}`,
    );
  }
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

/** A Buffer is a Uint8Array too. */
function typeName(kind: string, data: NpyData): string {
  return kind === "Uint8Array" && data instanceof Uint8Array ? data.constructor.name : kind;
}

/** Elements as they stand in a file (free to be changed) -> an array in C order and this machine's byte order. */
export function toArray({ dtype, shape, bigEndian, fortranOrder }: NpyHeader, bytes: Uint8Array): NpyArray {
  const element = npyElements[dtype];
  if (bigEndian && element.bytes > 1) swapBytes(bytes, element.bytes);
  const aligned = bytes.byteOffset % element.bytes === 0 ? bytes : bytes.slice();
  const raw = element.view(aligned.buffer, aligned.byteOffset, aligned.byteLength / element.bytes);
  const data = dtype === "float16" ? float16ToFloat32(raw as Uint16Array) : raw;
  return { dtype, shape, data: fortranOrder && shape.length > 1 ? fromFortranOrder(data, shape) : data };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else buffer.swap64();
}

function fromFortranOrder<T extends NpyData>(data: T, shape: readonly number[]): T {
  const result = data.slice() as T;
  const index = shape.map(() => 0); // of the element in the file, first axis fastest
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  let target = 0;
  for (let source = 0; source < data.length; source++) {
    result[target] = data[source] ?? 0;
    for (let axis = 0; axis < shape.length; axis++) {
      target += strides[axis] ?? 0;
      index[axis] = (index[axis] ?? 0) + 1;
      if (index[axis] !== shape[axis]) break;
      target -= (strides[axis] ?? 0) * (shape[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return result;
}

/** Throws unless the file holds exactly the elements that its header announces, and no more than allowed. */
export function checkSize(
  name: string,
  header: NpyHeader,
  size: number,
  { maxBytes = NPY_MAX_BYTES }: ReadNpyOptions,
): void {
  if (header.dataBytes > maxBytes) {
    throw new FormatError(
      name,
      `announces ${header.dataBytes} bytes, more than the ${maxBytes} allowed; raise maxBytes if it is right`,
    );
  }
  const held = size - header.dataOffset;
  if (held === header.dataBytes) return;
  const shape = `(${header.shape.join(", ")}) of ${header.dtype}`;
  const ending = held < header.dataBytes ? "cut short" : "something follows the array";
  throw new FormatError(
    name,
    `${held} bytes of elements, but ${shape} needs ${header.dataBytes}; ${ending}`,
    header.dataOffset,
  );
}

const PIECE = 2 ** 30;

async function readAt(handle: FileHandle, offset: number, bytes: number): Promise<Uint8Array> {
  const target = new Uint8Array(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await handle.read(target, done, Math.min(PIECE, bytes - done), offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return target.subarray(0, done);
}
