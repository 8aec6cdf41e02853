// The header of a safetensors file: types, element sizes, and a reader that believes nothing.
// Layout: 8 bytes little-endian header length, that many bytes of JSON, then the tensors' bytes without gaps.
import { open, type FileHandle } from "node:fs/promises";

import { FormatError } from "./errors.js";
import { firstDuplicateKey } from "./json-keys.js";

/** Bytes per element of every element type that we accept, under the names that the format uses. */
export const SAFETENSORS_ITEM_SIZE = {
  BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, F8_E8M0: 1,
  U16: 2, I16: 2, F16: 2, BF16: 2,
  U32: 4, I32: 4, F32: 4,
  U64: 8, I64: 8, F64: 8, C64: 8,
} as const; // prettier-ignore

/** An element type as the format names it. */
export type SafetensorsDType = keyof typeof SAFETENSORS_ITEM_SIZE;

/** One tensor of a file. `begin` and `end` are byte positions in the file (not in its data part). */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Everything a header says. `tensors` is in file order. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the tensors' bytes begin. */
  readonly dataStart: number;
  readonly fileSize: number;
}

/** The format's own limit; a larger length field is a broken or hostile file. */
const LARGEST_HEADER = 100_000_000;

/** Whether `dtype` is an element type that we can read. */
export function isSafetensorsDType(dtype: unknown): dtype is SafetensorsDType {
  return typeof dtype === "string" && Object.hasOwn(SAFETENSORS_ITEM_SIZE, dtype);
}

/** The byte length of a dense tensor, or undefined if it is not an exact integer in JavaScript. */
export function safetensorsByteLength(dtype: SafetensorsDType, shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  const length = shape.reduce((product, size) => product * size, SAFETENSORS_ITEM_SIZE[dtype]);
  return Number.isSafeInteger(length) ? length : undefined;
}

/**
 * Reads and checks the header of the file at `path`: after it, every tensor's bytes are known to lie in the file, exactly
 * as long as its shape says, without gaps or overlaps.
 * @throws FormatError naming the file and the byte, for anything that does not hold.
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  const file = await open(path, "r");
  try {
    return await readHeader(file, path);
  } finally {
    await file.close();
  }
}

/** The same for a file that is already open. */
export async function readHeader(file: FileHandle, path: string): Promise<SafetensorsHeader> {
  const fileSize = (await file.stat()).size;
  if (fileSize < 8)
    throw new FormatError(path, `truncated: ${fileSize} bytes, a safetensors file has at least 8`, fileSize);
  const prefix = new DataView(new ArrayBuffer(8));
  await file.read(prefix, 0, 8, 0);
  const length = prefix.getBigUint64(0, true);
  if (length > LARGEST_HEADER) {
    throw new FormatError(path, `header length ${length} is over ${LARGEST_HEADER}; this is not a safetensors file`, 0);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > fileSize) {
    throw new FormatError(path, `truncated: the header ends at ${dataStart}, the file at ${fileSize}`, fileSize);
  }
  const bytes = new Uint8Array(Number(length));
  await file.read(bytes, 0, bytes.length, 8);
  return { ...checkHeader(parse(bytes, path), path, dataStart, fileSize), dataStart, fileSize };
}

function parse(bytes: Uint8Array, path: string): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw new FormatError(path, 'the header does not begin with "{"; not a safetensors file', 8);
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(path, `the header is not JSON: ${(cause as Error).message}`, 8, { cause });
  }
  const duplicate = firstDuplicateKey(text);
  if (duplicate !== undefined) throw new FormatError(path, `the header has ${JSON.stringify(duplicate)} twice`, 8);
  return value as Record<string, unknown>; // it began with "{", so it is an object
}

type Checked = Pick<SafetensorsHeader, "tensors" | "metadata">;

function checkHeader(json: Record<string, unknown>, path: string, dataStart: number, fileSize: number): Checked {
  const entries: SafetensorsEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") metadata = checkMetadata(value, path);
    else entries.push(checkEntry(name, value, path, dataStart));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = dataStart;
  for (const { name, begin, end } of entries) {
    if (begin !== position) {
      const what = begin > position ? "leaves a gap after" : "overlaps";
      throw new FormatError(
        path,
        `tensor ${JSON.stringify(name)} begins at ${begin} and ${what} the one before`,
        position,
      );
    }
    position = end;
  }
  if (position > fileSize) {
    throw new FormatError(path, `truncated: the tensors end at ${position}, the file at ${fileSize}`, fileSize);
  }
  if (position < fileSize) throw new FormatError(path, `${fileSize - position} bytes after the last tensor`, position);
  return { tensors: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

function checkMetadata(value: unknown, path: string): Record<string, string> {
  if (!isRecord(value) || Object.values(value).some((item) => typeof item !== "string")) {
    throw new FormatError(path, "__metadata__ is not a map of strings", 8);
  }
  return value as Record<string, string>;
}

function checkEntry(name: string, value: unknown, path: string, dataStart: number): SafetensorsEntry {
  const fail = (message: string): never => {
    throw new FormatError(path, `tensor ${JSON.stringify(name)}: ${message}`, 8);
  };
  if (!isRecord(value)) return fail("its header entry is not an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isSafetensorsDType(dtype)) return fail(`unknown dtype ${JSON.stringify(dtype)}`);
  if (!isSizes(shape)) return fail(`shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) return fail("data_offsets are not two positions");
  const [from, to] = offsets as [number, number];
  const length = safetensorsByteLength(dtype, shape);
  if (to - from !== length)
    return fail(`${to - from} bytes at ${from}..${to}, but ${dtype} [${shape.join(", ")}] takes ${length}`);
  return { name, dtype, shape, begin: dataStart + from, end: dataStart + to };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
