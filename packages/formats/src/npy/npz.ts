// Reads and writes .npz files: zip archives of named .npy arrays, as numpy's savez and savez_compressed make them.
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "@node-rs/crc32";
import { configure, ZipWriter } from "@zip.js/zip.js";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { writeAtomically, writeFully } from "../atomic.js";
import { FormatError, invalid } from "../errors.js";
import type { NpyArray } from "./dtypes.js";
import { checkSize, NPY_MAX_BYTES, npyDataBytes, toArray, type ReadNpyOptions } from "./npy.js";
import { formatNpyHeader, NPY_PREFIX_BYTES, npyHeaderBytes, parseNpyHeader, type NpyHeader } from "./npy-header.js";

/** What to read of an archive. `maxBytes` holds for all arrays read together. */
export interface ReadNpzOptions extends ReadNpyOptions {
  /** Names of the arrays to read; a missing one is an error. Default: all. */
  readonly names?: readonly string[];
}

/** Options of {@link writeNpz}. */
export interface WriteNpzOptions {
  /** Deflate, as savez_compressed; else stored, as savez. Default false. */
  readonly compress?: boolean;
}

/** Reads the arrays of a .npz file by name, in the order of the archive. */
export async function readNpz(file: string, options: ReadNpzOptions = {}): Promise<Map<string, NpyArray>> {
  const { maxBytes = NPY_MAX_BYTES } = options;
  return withArchive(file, async (zip, entries) => {
    const wanted = selectEntries(file, entries, options.names);
    const total = wanted.reduce((sum, [, entry]) => sum + entry.uncompressedSize, 0);
    if (total > maxBytes) {
      throw new FormatError(
        file,
        `unpacks to ${total} bytes, more than the ${maxBytes} allowed; raise maxBytes if it is right`,
      );
    }
    const arrays = new Map<string, NpyArray>();
    for (const [name, entry] of wanted) {
      const label = `${file}[${name}]`;
      const bytes = await readEntry(zip, entry, label);
      const header = parseNpyHeader(bytes, label);
      checkSize(label, header, bytes.length, { maxBytes });
      arrays.set(name, toArray(header, bytes.subarray(header.dataOffset)));
    }
    return arrays;
  });
}

/** Type and shape of every array of a .npz file, without unpacking the elements. */
export async function readNpzHeaders(file: string): Promise<Map<string, NpyHeader>> {
  return withArchive(file, async (zip, entries) => {
    const headers = new Map<string, NpyHeader>();
    for (const [name, entry] of entries) {
      const label = `${file}[${name}]`;
      const prefix = await readEntry(zip, entry, label, NPY_PREFIX_BYTES);
      const header = parseNpyHeader(await readEntry(zip, entry, label, npyHeaderBytes(prefix, label)), label);
      checkSize(label, header, entry.uncompressedSize, { maxBytes: Infinity });
      headers.set(name, header);
    }
    return headers;
  });
}

/** Writes arrays under a temporary name and renames it; the same arrays always give the same bytes. */
export async function writeNpz(
  file: string,
  arrays: ReadonlyMap<string, NpyArray>,
  { compress = false }: WriteNpzOptions = {},
): Promise<void> {
  configure({ useWebWorkers: false });
  await writeAtomically(file, async (handle) => {
    const zip = new ZipWriter(fileSink(handle), {
      level: compress ? 6 : 0,
      extendedTimestamp: false,
      lastModDate: EPOCH,
    });
    for (const [name, array] of arrays) {
      if (name === "" || /[/\\\0]/.test(name)) throw invalid("arrays", "names that can be those of files", name);
      const parts = [formatNpyHeader(array.dtype, array.shape), npyDataBytes(array)];
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      await zip.add(`${name}.npy`, byteStream(parts), { uncompressedSize: size, zip64: size > ZIP32_SAFE });
    }
    await zip.close();
  });
}

/** The first day that a zip archive knows, in local time as zip archives are: what numpy writes too. */
const EPOCH = new Date(1980, 0, 1);
/** Above it the 64-bit fields are needed, with room for data that deflate makes a little larger. */
const ZIP32_SAFE = 2 ** 32 - 2 ** 24;
/** Deflate cannot shrink further than this (1032 to 1), so that an archive which announces more lies. */
const LARGEST_RATIO = 1040;

/** Opens an archive, lists its arrays, and closes it when the reading is done. */
export async function withArchive<T>(
  file: string,
  read: (zip: ZipFile, entries: ReadonlyMap<string, Entry>) => Promise<T>,
): Promise<T> {
  const zip = await yauzl.openPromise(file, { autoClose: false }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "EACCES" || cause.code === "EISDIR") throw cause;
    throw new FormatError(file, `not a readable .npz archive: ${cause.message}`, undefined, { cause });
  });
  try {
    return await read(zip, await listEntries(file, zip));
  } finally {
    zip.close();
  }
}

async function listEntries(file: string, zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName.replace(/\.npy$/, "");
      if (entries.has(name)) throw new FormatError(file, `two arrays are called "${name}"`);
      entries.set(name, entry);
    }
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(file, `its table of contents is damaged: ${(cause as Error).message}`, undefined, { cause });
  }
  return entries;
}

/** The entries of these names (default: all); a missing one is an error. */
export function selectEntries(
  file: string,
  entries: ReadonlyMap<string, Entry>,
  names: readonly string[] | undefined,
): [string, Entry][] {
  if (names === undefined) return [...entries];
  return names.map((name) => {
    const entry = entries.get(name);
    if (entry !== undefined) return [name, entry];
    throw new FormatError(file, `has no array "${name}"; it holds ${[...entries.keys()].join(", ") || "none"}`);
  });
}

/** Throws where more is announced than can come out. */
export function refuseLie(entry: Entry, label: string): void {
  const { uncompressedSize, compressedSize, relativeOffsetOfLocalHeader } = entry;
  if (uncompressedSize <= compressedSize * LARGEST_RATIO + 1024) return;
  throw new FormatError(
    label,
    `announces ${uncompressedSize} bytes from ${compressedSize}; it lies`,
    relativeOffsetOfLocalHeader,
  );
}

/** Unpacks an entry, or its first `limit` bytes; a whole entry's length and checksum are checked. */
async function readEntry(zip: ZipFile, entry: Entry, label: string, limit?: number): Promise<Uint8Array> {
  const place = entry.relativeOffsetOfLocalHeader;
  refuseLie(entry, label);
  const target = new Uint8Array(Math.min(limit ?? Infinity, entry.uncompressedSize));
  let filled = 0;
  try {
    for await (const chunk of await zip.openReadStreamPromise(entry)) {
      const piece = (chunk as Uint8Array).subarray(0, target.length - filled);
      target.set(piece, filled);
      filled += piece.length;
      if (limit !== undefined && filled === target.length) return target;
    }
  } catch (cause) {
    throw new FormatError(label, `cannot be unpacked: ${(cause as Error).message}`, place, { cause });
  }
  if (crc32(target) === entry.crc32) return target;
  throw new FormatError(label, "its checksum is wrong; the file is damaged", place);
}

const PIECE = 2 ** 18;

/** A stream that hands out views, so that an array is never copied whole. */
function byteStream(parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces(parts));
}

function* pieces(parts: readonly Uint8Array[]): Generator<Uint8Array, void> {
  for (const part of parts) for (let at = 0; at < part.length; at += PIECE) yield part.subarray(at, at + PIECE);
}

/** A sink that waits for the disk; `Writable.toWeb` would buffer everything. */
function fileSink(handle: FileHandle): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({ write: (chunk) => writeFully(handle, chunk) });
}
