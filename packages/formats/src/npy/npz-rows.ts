// Reads some rows of the arrays of a .npz file: of a stored array only their bytes, of a deflated one no more than what lies before
// their end. For loaders that want a few frames of a long episode.
import { open, type FileHandle } from "node:fs/promises";
import { constants, inflateRawSync } from "node:zlib";
import { crc32 } from "@node-rs/crc32";
import type { Entry, ZipFile } from "yauzl";
import { FormatError } from "../errors.js";
import type { NpyArray } from "./dtypes.js";
import { checkSize, NPY_MAX_BYTES, toArray } from "./npy.js";
import { NPY_PREFIX_BYTES, npyHeaderBytes, parseNpyHeader, type NpyHeader } from "./npy-header.js";
import { readNpz, refuseLie, selectEntries, withArchive, type ReadNpzOptions } from "./npz.js";

/** Which rows of which arrays: `start` up to but not including `end` of the first axis. */
export interface NpzRows extends ReadNpzOptions {
  readonly names: readonly string[];
  readonly start: number;
  readonly end: number;
}

/** Compressed bytes in which a header surely is. */
const HEAD_BYTES = 8192;
/** An array need not be compressed equally well everywhere. */
const [MARGIN, SPARE] = [1.08, 2 ** 16];

/**
 * Reads the same rows of several arrays. A whole array's checksum is checked, that of a part cannot be: damage is then found where deflate
 * stumbles over it, or not at all.
 */
export async function readNpzRows(file: string, options: NpzRows): Promise<Map<string, NpyArray>> {
  return withArchive(file, async (zip, entries) => {
    const handle = await open(file);
    try {
      const arrays = new Map<string, NpyArray>();
      for (const [name, entry] of selectEntries(file, entries, options.names)) {
        arrays.set(name, await readRows(handle, zip, entry, `${file}[${name}]`, options));
      }
      return arrays;
    } catch (error) {
      if (error !== REORDERED) throw error;
      const whole = await readNpz(file, options);
      return new Map([...whole].map(([name, array]) => [name, rowsOf(array, options)]));
    } finally {
      await handle.close();
    }
  });
}

/** Rows of an array in Fortran's order lie everywhere in it. */
const REORDERED = new Error("internal: the rows do not lie together");

async function readRows(
  handle: FileHandle,
  zip: ZipFile,
  entry: Entry,
  label: string,
  { start, end, maxBytes = NPY_MAX_BYTES }: NpzRows,
): Promise<NpyArray> {
  refuseLie(entry, label);
  const at = entry.relativeOffsetOfLocalHeader;
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true }).catch((cause: Error) => {
    throw new FormatError(label, `its header in the archive is damaged: ${cause.message}`, at, { cause });
  });
  const packed = { handle, label, start: fileDataStart, bytes: entry.compressedSize };
  const stored = entry.compressionMethod === 0;
  const head = await readPacked(packed, 0, HEAD_BYTES);
  const header = readHeader(stored ? head : inflate(label, head, entry.uncompressedSize, HEAD_BYTES), label);
  checkSize(label, header, entry.uncompressedSize, { maxBytes });
  if (header.fortranOrder || header.bigEndian) throw REORDERED;
  const [rows = 0] = header.shape;
  if (!(start >= 0 && start <= end && end <= rows)) {
    throw new FormatError(label, `rows ${start} to ${end - 1} asked for, but it has ${rows}`);
  }
  const row = rows === 0 ? 0 : header.dataBytes / rows;
  const [from, to] = [header.dataOffset + start * row, header.dataOffset + end * row];
  const part = { ...header, shape: [end - start, ...header.shape.slice(1)] };
  if (stored) return toArray(part, await readPacked(packed, from, to));

  const share = Math.min(
    entry.compressedSize,
    Math.ceil((to / entry.uncompressedSize) * entry.compressedSize * MARGIN) + SPARE,
  );
  let bytes = new Uint8Array();
  for (const length of share < entry.compressedSize ? [share, entry.compressedSize] : [share]) {
    bytes = inflate(label, await readPacked(packed, 0, length), entry.uncompressedSize, to * MARGIN + 2 * SPARE);
    if (bytes.length === entry.uncompressedSize && crc32(bytes) !== entry.crc32) {
      throw new FormatError(label, "its checksum is wrong; the file is damaged", at);
    }
    if (bytes.length >= to) return toArray(part, bytes.subarray(from, to));
  }
  throw new FormatError(label, `cut short: ${bytes.length} of ${entry.uncompressedSize} bytes come out of it`, at);
}

function readHeader(head: Uint8Array, label: string): NpyHeader {
  return parseNpyHeader(head.subarray(0, npyHeaderBytes(head.subarray(0, NPY_PREFIX_BYTES), label)), label);
}

interface Packed {
  readonly handle: FileHandle;
  readonly label: string;
  readonly start: number;
  readonly bytes: number;
}

async function readPacked(
  { handle, label, start, bytes }: Packed,
  from: number,
  to: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const target = new Uint8Array(Math.min(to, bytes) - from);
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await handle.read(target, done, target.length - done, start + from + done);
    if (bytesRead === 0) throw new FormatError(label, "cut short", start + from + done);
    done += bytesRead;
  }
  return target;
}

/** What comes out of the beginning of deflated bytes: all at once in one piece of memory where `expected` is enough for it. */
function inflate(label: string, packed: Uint8Array, most: number, expected: number): Uint8Array<ArrayBuffer> {
  try {
    const unpacked = inflateRawSync(packed, {
      finishFlush: constants.Z_SYNC_FLUSH, // the end may be missing
      chunkSize: Math.max(64, Math.min(Math.ceil(expected), most)),
      maxOutputLength: Math.max(1, most),
    });
    return new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.length);
  } catch (cause) {
    throw new FormatError(label, `cannot be unpacked: ${(cause as Error).message}`, undefined, { cause });
  }
}

function rowsOf({ dtype, shape, data }: NpyArray, { start, end }: NpzRows): NpyArray {
  const row = shape.slice(1).reduce((product, size) => product * size, 1);
  return { dtype, shape: [end - start, ...shape.slice(1)], data: data.slice(start * row, end * row) };
}
