// Reading single tensors out of safetensors files, and writing such files, without ever holding a whole file in memory.
// No tensor library here: a tensor is an element type, a shape and bytes (little-endian, as on every machine we run on).
import { open, type FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";

import { writeAtomically, writeFully } from "./atomic.js";
import { FormatError, invalid } from "./errors.js";
import { CHECKSUM_KEY, CHECKSUM_OFFSET, checksumText, NO_CHECKSUM } from "./safetensors-checksum.js";
import {
  isSafetensorsDType,
  readHeader,
  safetensorsByteLength,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./safetensors-header.js";

/** An open file. Close it, or hold it with `await using`. */
export interface SafetensorsFile extends SafetensorsHeader, AsyncDisposable {
  readonly path: string;
  /**
   * The bytes of one tensor, read from the disk now, into `target` (exactly as long as the tensor) or into a new buffer
   * that begins at a multiple of 8 in its own ArrayBuffer, so that any typed array can be laid over it.
   */
  read(name: string, target?: Uint8Array): Promise<Uint8Array>;
  /** Fills `target` from byte `first` of a tensor on. */
  readRange(name: string, first: number, target: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** One tensor to write. `bytes` may be a function, called when its turn comes, so that one tensor is in memory at a time. */
export interface SafetensorsInput {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array | (() => Uint8Array | Promise<Uint8Array>);
}

/** Options of {@link writeSafetensors}. */
export interface WriteSafetensorsOptions {
  /** Free text for readers. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Adds a checksum to the metadata, which `verifySafetensors` compares. Default false. */
  readonly checksum?: boolean;
}

/**
 * Opens a file, checks its whole header, and leaves the tensors on the disk until they are asked for.
 *
 * @example
 * await using file = await openSafetensors("model.safetensors");
 * const weight = new Float32Array((await file.read("weight")).buffer);
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, "r");
  try {
    const header = await readHeader(file, path);
    const close = (): Promise<void> => file.close();
    return {
      ...header,
      path,
      close,
      [Symbol.asyncDispose]: close,
      read: (name, target) => readTensor(file, path, header, name, target),
      readRange: (name, first, target) => readRange(file, path, entryOf(header, path, name), first, target),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readTensor(
  file: FileHandle,
  path: string,
  header: SafetensorsHeader,
  name: string,
  target: Uint8Array | undefined,
): Promise<Uint8Array> {
  const entry = entryOf(header, path, name);
  const length = entry.end - entry.begin;
  if (target && target.byteLength !== length) throw invalid("target", `${length} bytes for ${name}`, target);
  return readRange(file, path, entry, 0, target ?? new Uint8Array(length));
}

function entryOf({ tensors }: SafetensorsHeader, path: string, name: string): SafetensorsEntry {
  const entry = tensors.get(name);
  if (!entry) throw invalid("name", `one of the ${tensors.size} tensors of ${path}`, name);
  return entry;
}

async function readRange(
  file: FileHandle,
  path: string,
  entry: SafetensorsEntry,
  first: number,
  target: Uint8Array,
): Promise<Uint8Array> {
  const length = entry.end - entry.begin;
  if (!Number.isInteger(first) || first < 0 || first + target.byteLength > length)
    throw invalid(
      "first",
      `a place in ${entry.name} of which ${target.byteLength} of its ${length} bytes follow`,
      first,
    );
  await readExactly(file, path, { ...entry, begin: entry.begin + first }, target);
  return target;
}

async function readExactly(file: FileHandle, path: string, { name, begin }: SafetensorsEntry, bytes: Uint8Array) {
  const PIECE = 2 ** 30; // one read takes less than 2^31 bytes on every platform
  for (let done = 0; done < bytes.byteLength;) {
    const wanted = Math.min(PIECE, bytes.byteLength - done);
    const { bytesRead } = await file.read(bytes, done, wanted, begin + done);
    // The header was checked against the file's size at opening, so the file was cut since.
    if (bytesRead === 0)
      throw new FormatError(path, `truncated inside ${JSON.stringify(name)} while open`, begin + done);
    done += bytesRead;
  }
}

/**
 * Writes a safetensors file: names sorted, data beginning at a multiple of 8, the file whole or not there at all.
 * Sorted input in, identical bytes out.
 */
export async function writeSafetensors(
  path: string,
  entries: Iterable<SafetensorsInput>,
  { metadata, checksum = false }: WriteSafetensorsOptions = {},
): Promise<void> {
  const marked = checksum ? { [CHECKSUM_KEY]: NO_CHECKSUM, ...metadata } : metadata;
  const { sorted, lengths, header } = layOut(entries, marked);
  await writeAtomically(path, async (file) => {
    let value = crc32(header);
    await writeFully(file, header);
    for (const [i, { name, bytes: source }] of sorted.entries()) {
      const bytes = typeof source === "function" ? await source() : source;
      if (bytes.byteLength !== lengths[i]) throw invalid(`bytes of ${name}`, `${lengths[i]} bytes`, bytes);
      await writeFully(file, bytes);
      if (checksum) value = crc32(bytes, value);
    }
    if (checksum) await file.write(checksumText(value), CHECKSUM_OFFSET, "latin1");
  });
}

/** A tensor that is written in pieces. */
export type SafetensorsPlan = Omit<SafetensorsInput, "bytes">;

/** Appends bytes to a tensor; the tensors of a file may grow side by side. */
export type AppendSafetensors = (name: string, bytes: Uint8Array) => Promise<void>;

/**
 * Writes a file whose tensors come piece by piece, so that none is ever whole in memory. The file is there when `fill` has appended
 * every byte of every tensor, or not at all. The same tensors give the bytes of {@link writeSafetensors}.
 */
export async function writeSafetensorsPieces(
  path: string,
  plans: Iterable<SafetensorsPlan>,
  fill: (append: AppendSafetensors) => Promise<void>,
  { metadata }: WriteSafetensorsOptions = {},
): Promise<void> {
  const { sorted, lengths, header } = layOut(plans, metadata);
  const places = new Map<string, { next: number; readonly end: number }>();
  let position = header.length;
  sorted.forEach(({ name }, i) => {
    places.set(name, { next: position, end: (position += lengths[i] ?? 0) });
  });
  await writeAtomically(path, async (file) => {
    await writeFully(file, header);
    await fill(async (name, bytes) => {
      const place = places.get(name);
      if (!place) throw invalid("name", `one of the ${places.size} tensors of ${path}`, name);
      const { next, end } = place;
      if (next + bytes.byteLength > end) throw invalid(`bytes of ${name}`, `at most ${end - next} more`, bytes);
      place.next += bytes.byteLength; // before the write: two pieces at once get two places
      await writeFully(file, bytes, next);
    });
    for (const [name, { next, end }] of places)
      if (next !== end) throw invalid(`bytes of ${name}`, `${end - next} more`, "none");
  });
}

function layOut<Plan extends SafetensorsPlan>(
  entries: Iterable<Plan>,
  metadata: WriteSafetensorsOptions["metadata"],
): { readonly sorted: Plan[]; readonly lengths: number[]; readonly header: Uint8Array } {
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const lengths = sorted.map(checkInput);
  sorted.forEach(({ name }, i) => {
    if (name === sorted[i + 1]?.name) throw invalid("entries", "every name once", name);
  });
  return { sorted, lengths, header: buildHeader(sorted, lengths, metadata) };
}

function checkInput(input: SafetensorsPlan | SafetensorsInput): number {
  const { name, dtype, shape } = input;
  if (name === "__metadata__") throw invalid("name", "any other name; the format keeps this one for itself", name);
  if (!isSafetensorsDType(dtype)) throw invalid(`dtype of ${name}`, "an element type of the format", dtype);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw invalid(`shape of ${name}`, "sizes", shape);
  const length = safetensorsByteLength(dtype, shape);
  if (length === undefined) throw invalid(`shape of ${name}`, "fewer than 2^53 bytes", shape);
  // Known lengths are checked before anything is written; lazy ones when they come.
  const bytes = "bytes" in input ? input.bytes : undefined;
  if (bytes instanceof Uint8Array && bytes.byteLength !== length)
    throw invalid(`bytes of ${name}`, `${length} bytes`, bytes);
  return length;
}

function buildHeader(
  entries: readonly SafetensorsPlan[],
  lengths: readonly number[],
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array {
  let offset = 0;
  // Text, not an object: a tensor may be called "__proto__" or "0", which objects treat specially or reorder.
  const fields = entries.map(({ name, dtype, shape }, i) => {
    const begin = offset;
    offset += lengths[i] ?? 0;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, offset] })}`;
  });
  if (metadata) fields.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8; // 8 bytes of length + a multiple of 8: the data begin aligned
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return header;
}
