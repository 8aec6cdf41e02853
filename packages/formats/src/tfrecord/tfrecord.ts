// Reads and writes TFRecord files: records with a length, each guarded by two checksums (masked CRC-32C), plain or gzipped.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { crc32c } from "@node-rs/crc32";
import { writeAtomically, writeFully } from "../atomic.js";
import { FormatError } from "../errors.js";

/** One record of a file. */
export interface TfRecord {
  /** Number of the record, from 0. */
  readonly index: number;
  /** Byte at which its length stands; in the unpacked bytes of a gzipped file. */
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Options of {@link readTfRecords}. */
export interface ReadTfRecordsOptions {
  /** Longest record that is read, so that a damaged length cannot ask for all memory. Default 1 GiB. */
  readonly maxRecordBytes?: number;
  /**
   * Called for a record whose data are damaged while its length is sound; it is left out then. Without it, or when the
   * framing itself is broken so that the next record cannot be found, the error is thrown.
   */
  readonly onDamaged?: (error: FormatError, index: number) => void;
  /** A last record that is cut short ends the reading quietly: it is still being written, or its writer was killed. Default false. */
  readonly growing?: boolean;
}

const HEADER = 12; // length as uint64, its checksum
const TRAILER = 4; // the data's checksum
const LONGEST = 2 ** 30;

/** Reads records in order, holding one at a time. Checks both checksums and the end of the file. */
export async function* readTfRecords(file: string, options: ReadTfRecordsOptions = {}): AsyncGenerator<TfRecord, void> {
  const { maxRecordBytes = LONGEST, onDamaged, growing = false } = options;
  const bytes = await openBytes(file);
  try {
    for (let index = 0, offset = 0; ; index++) {
      const header = await bytes.take(HEADER);
      if (header.length === 0 || (growing && header.length < HEADER)) return;
      const length = recordLength(file, index, offset, header, maxRecordBytes);
      const body = await bytes.take(length + TRAILER);
      if (body.length < length + TRAILER) {
        if (growing) return;
        throw new FormatError(
          file,
          `record ${index} is cut short: ${body.length} of ${length + TRAILER} bytes`,
          offset,
        );
      }
      const data = body.subarray(0, length);
      if (maskedCrc(data) === body.readUInt32LE(length)) {
        yield { index, offset, data };
      } else {
        const error = new FormatError(file, `record ${index}: the checksum of its ${length} bytes is wrong`, offset);
        if (onDamaged === undefined) throw error;
        onDamaged(error, index);
      }
      offset += HEADER + length + TRAILER;
    }
  } finally {
    bytes.close();
  }
}

function recordLength(file: string, index: number, offset: number, header: Buffer, most: number): number {
  if (header.length < HEADER) {
    throw new FormatError(
      file,
      `record ${index} is cut short: ${header.length} of the ${HEADER} bytes before it`,
      offset,
    );
  }
  if (maskedCrc(header.subarray(0, 8)) !== header.readUInt32LE(8)) {
    const what = index === 0 ? "; this is no TFRecord file, or damaged" : "; records after it cannot be found";
    throw new FormatError(file, `record ${index}: the checksum of its length is wrong${what}`, offset);
  }
  const length = Number(header.readBigUInt64LE(0));
  if (length > most)
    throw new FormatError(file, `record ${index}: ${length} bytes, more than the ${most} allowed`, offset);
  return length;
}

/** CRC-32C, rotated and shifted as the format wants it, so that checksums of checksums do not degenerate. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Bytes in order; `take` gives fewer than asked for only at the end. */
interface ByteSource {
  take(count: number): Promise<Buffer>;
  close(): void;
}

async function openBytes(file: string): Promise<ByteSource> {
  const handle = await open(file, "r");
  const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  await handle.close();
  const gzipped = buffer[0] === 0x1f && buffer[1] === 0x8b;
  const raw = createReadStream(file, { highWaterMark: 2 ** 20 });
  const stream = gzipped ? raw.pipe(createGunzip({ chunkSize: 2 ** 18 })) : raw;
  if (gzipped) raw.once("error", (error) => (stream as Gunzip).destroy(error));
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let rest: Buffer = Buffer.alloc(0);
  let unpacked = 0;
  return {
    async take(count) {
      const parts: Buffer[] = [];
      let missing = count;
      while (missing > 0) {
        if (rest.length === 0) {
          const next = await chunks.next().catch((cause: Error) => {
            throw new FormatError(file, `cannot be unpacked further: ${cause.message}`, unpacked, { cause });
          });
          if (next.done === true) break;
          rest = next.value;
          unpacked += rest.length;
        }
        const piece = rest.subarray(0, missing);
        parts.push(piece);
        rest = rest.subarray(piece.length);
        missing -= piece.length;
      }
      const only = parts[0];
      // A record inside one chunk is a view: nothing is copied.
      return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
    },
    close() {
      stream.destroy();
      raw.destroy();
    },
  };
}

/** Writes records to a file under a temporary name, then renames it. Returns their number. */
export async function writeTfRecords(
  file: string,
  records: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  return writeAtomically(file, async (handle) => {
    let count = 0;
    for await (const record of records) {
      await writeFully(handle, frameTfRecord(record));
      count++;
    }
    return count;
  });
}

/** A record with its length and checksums. */
export function frameTfRecord(data: Uint8Array): Buffer {
  const framed = Buffer.alloc(HEADER + data.length + TRAILER);
  framed.writeBigUInt64LE(BigInt(data.length), 0);
  framed.writeUInt32LE(maskedCrc(framed.subarray(0, 8)), 8);
  framed.set(data, HEADER);
  framed.writeUInt32LE(maskedCrc(data), HEADER + data.length);
  return framed;
}
