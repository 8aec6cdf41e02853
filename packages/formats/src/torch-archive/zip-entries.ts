// The zip container of checkpoints: its directory, checked, and the bytes of its entries (stored or deflated, zip64).
import { promisify } from "node:util";
import { crc32, inflateRaw } from "node:zlib";
import { fromRandomAccessReaderPromise, RandomAccessReader, type Entry, type ReadCallback, type ZipFile } from "yauzl";

import { FormatError } from "../errors.js";
import type { FileBytes } from "./file-bytes.js";

const inflate = promisify(inflateRaw);

/** One file of the zip. */
export interface ZipEntry {
  readonly name: string;
  /** Its length once inflated. */
  readonly size: number;
  /** Whether its bytes stand in the zip as they are. */
  readonly isStored: boolean;
  readonly crc32: number;
  /** Where its (deflated or stored) bytes begin in the zip. */
  dataStart(): Promise<number>;
  /** All of its bytes, checked against the checksum. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** The directory of a zip, in its order. */
export async function readZipEntries(file: FileBytes): Promise<Map<string, ZipEntry>> {
  const entries = new Map<string, ZipEntry>();
  try {
    const zip = await fromRandomAccessReaderPromise(new CheckedReader(file), file.size, { autoClose: false });
    for await (const entry of zip.eachEntry()) {
      // Two readers might pick different ones.
      if (entries.has(entry.fileName)) throw zipError(file, `has ${JSON.stringify(entry.fileName)} twice`);
      entries.set(entry.fileName, zipEntry(file, zip, entry));
    }
  } catch (cause) {
    throw cause instanceof FormatError ? cause : zipError(file, directoryFault(cause as Error), cause);
  }
  return entries;
}

function zipEntry(file: FileBytes, zip: ZipFile, entry: Entry): ZipEntry {
  const { fileName: name, uncompressedSize: size } = entry;
  let start: Promise<number> | undefined;
  const dataStart = (): Promise<number> => (start ??= localDataStart(file, zip, entry));
  const read = async (): Promise<Uint8Array<ArrayBuffer>> => {
    if (!entry.canDecodeFileData()) {
      throw zipError(file, `entry ${name}: ${entry.isEncrypted() ? "encrypted" : "compressed in an unknown way"}`);
    }
    const begin = await dataStart();
    const stored = await file.read(begin, entry.compressedSize, `entry ${name}`);
    const bytes = entry.compressionMethod === 0 ? stored : await inflated(file, entry, begin, stored);
    if (crc32(bytes) !== entry.crc32) throw checksumError(file, name, begin);
    return bytes;
  };
  return { name, size, isStored: entry.compressionMethod === 0, crc32: entry.crc32, dataStart, read };
}

/** Each entry repeats its header before its bytes, and only that copy says where they begin. */
async function localDataStart(file: FileBytes, zip: ZipFile, entry: Entry): Promise<number> {
  try {
    return (await zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart;
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    const offset = entry.relativeOffsetOfLocalHeader;
    const message = `entry ${entry.fileName} is damaged: ${(cause as Error).message}`;
    throw new FormatError(file.path, message, offset, { cause });
  }
}

async function inflated(
  file: FileBytes,
  { fileName, uncompressedSize }: Entry,
  begin: number,
  deflated: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array;
  try {
    // The limit keeps a small file from filling the memory; one byte more than promised is already wrong.
    bytes = await inflate(deflated, { maxOutputLength: uncompressedSize + 1 });
  } catch (cause) {
    throw new FormatError(file.path, `entry ${fileName} cannot be inflated: ${(cause as Error).message}`, begin, {
      cause,
    });
  }
  if (bytes.byteLength !== uncompressedSize) {
    const message = `entry ${fileName} inflates to ${bytes.byteLength} bytes, its header promises ${uncompressedSize}`;
    throw new FormatError(file.path, message, begin);
  }
  return Uint8Array.from(bytes); // a small Buffer may lie in a shared pool
}

/** The error for an entry whose bytes are not those that were written. */
export function checksumError(file: FileBytes, name: string, begin: number): FormatError {
  return new FormatError(
    file.path,
    `entry ${name} is corrupted: its bytes do not match their checksum (CRC-32)`,
    begin,
  );
}

function zipError(file: FileBytes, message: string, cause?: unknown): FormatError {
  return new FormatError(file.path, `the zip ${message}`, undefined, { cause });
}

function directoryFault({ message }: Error): string {
  if (/End of central directory record signature not found/.test(message)) {
    return "is truncated: the directory at its end is missing; download or copy the file again";
  }
  return `directory is damaged: ${message.replace(/\.$/, "")}`;
}

/** Bytes read ahead in the directory, whose entries are asked for one by one. */
const READ_AHEAD = 2 ** 18;

/** yauzl's view of the file. Positions come from the file's own fields, so they are checked before the system sees them. */
class CheckedReader extends RandomAccessReader {
  readonly #file: FileBytes;
  #window = { begin: 0, bytes: new Uint8Array(0) };
  #end = -1;

  constructor(file: FileBytes) {
    super();
    this.#file = file;
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: ReadCallback): void {
    this.#bytes(position, length).then(
      (bytes) => {
        buffer.set(bytes, offset);
        callback(null, length);
      },
      (error: unknown) => callback(error as Error),
    );
  }

  async #bytes(position: number, length: number): Promise<Uint8Array> {
    const isNext = position === this.#end;
    this.#end = position + length;
    const { begin, bytes } = this.#window;
    if (position < begin || this.#end > begin + bytes.byteLength) {
      const ahead = isNext ? Math.min(READ_AHEAD, this.#file.size - position) : 0;
      const read = await this.#file.read(position, Math.max(length, ahead), "a header of the zip");
      this.#window = { begin: position, bytes: read };
    }
    const start = position - this.#window.begin;
    return this.#window.bytes.subarray(start, start + length);
  }

  override close(callback: (error?: Error | null) => void): void {
    callback();
  }
}
