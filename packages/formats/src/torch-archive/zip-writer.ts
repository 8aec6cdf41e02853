// Writes zips without compression: every entry begins at a multiple of 64 bytes, as PyTorch writes them, so that files can
// be mapped into memory; zip64 where numbers need it; fixed dates, so that equal content gives equal bytes.
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";

import { invalid } from "../errors.js";
import { ByteBuilder } from "../pickle/byte-builder.js";

/** Writes one entry after another. Nothing is complete until `finish`. */
export interface ZipWriter {
  /** Adds an entry of `size` bytes, which come in pieces; only one piece need be in memory. */
  add(name: string, size: number, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>;
  /** Writes the directory. */
  finish(): Promise<void>;
}

interface Written {
  readonly name: Uint8Array;
  readonly size: number;
  readonly checksum: number;
  readonly offset: number;
}

const ALIGNMENT = 64;
const MOST_32 = 0xffffffff;
const MOST_16 = 0xffff;
/** 1980-01-01, the first day that zips know. */
const DATE = 0x21;
/** The extra field that PyTorch pads with. */
const PADDING_ID = 0x4246;
const CHECKSUM_POSITION = 14;

/** A writer into an empty file, which it does not close. */
export function zipWriter(file: FileHandle): ZipWriter {
  const entries: Written[] = [];
  let position = 0;

  // Positions are always given: the checksum is filled in behind, and where a plain write goes then differs by system.
  const write = async (bytes: Uint8Array, at: number): Promise<void> => {
    for (let done = 0; done < bytes.byteLength;) {
      const { bytesWritten } = await file.write(bytes, done, Math.min(2 ** 30, bytes.byteLength - done), at + done);
      done += bytesWritten;
    }
  };
  const append = async (bytes: Uint8Array): Promise<void> => {
    await write(bytes, position);
    position += bytes.byteLength;
  };

  return {
    async add(name, size, pieces) {
      const offset = position;
      const encoded = new TextEncoder().encode(name);
      await append(localHeader(encoded, size, offset));
      let checksum = 0;
      let count = 0;
      for await (const piece of pieces) {
        count += piece.byteLength;
        if (count > size) break;
        checksum = crc32(piece, checksum);
        await append(piece);
      }
      if (count !== size) throw invalid(`bytes of ${name}`, `${size} bytes`, count > size ? `more` : `${count} bytes`);
      await write(new ByteBuilder().u32(checksum).toBytes(), offset + CHECKSUM_POSITION);
      entries.push({ name: encoded, size, checksum, offset });
    },
    async finish() {
      const start = position;
      for (const entry of entries) await append(directoryEntry(entry));
      await append(directoryEnd(entries.length, start, position - start));
    },
  };
}

/** The header before the bytes; the checksum is filled in when they are known. */
function localHeader(name: Uint8Array, size: number, offset: number): Uint8Array {
  const isLarge = size >= MOST_32;
  const header = new ByteBuilder().u32(0x04034b50);
  common(header, { size: isLarge ? MOST_32 : size, checksum: 0, isZip64: isLarge });
  const extra = new ByteBuilder();
  if (isLarge) extra.u16(1).u16(16).u64(size).u64(size);
  const unpadded = offset + 30 + name.length + extra.length + 4;
  const padding = (ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT;
  extra.u16(PADDING_ID).u16(padding).append(new Uint8Array(padding).fill(0x5a));
  return header.u16(name.length).u16(extra.length).append(name).append(extra.toBytes()).toBytes();
}

function directoryEntry({ name, size, checksum, offset }: Written): Uint8Array {
  const extra = new ByteBuilder();
  if (size >= MOST_32) extra.u64(size).u64(size);
  if (offset >= MOST_32) extra.u64(offset);
  const isZip64 = extra.length > 0;
  const header = new ByteBuilder().u32(0x02014b50).u16(isZip64 ? 45 : 20);
  common(header, { size: Math.min(size, MOST_32), checksum, isZip64 });
  header.u16(name.length).u16(isZip64 ? 4 + extra.length : 0);
  header.u16(0).u16(0).u16(0).u32(0); // comment, disk, attributes
  header.u32(Math.min(offset, MOST_32)).append(name);
  if (isZip64) header.u16(1).u16(extra.length).append(extra.toBytes());
  return header.toBytes();
}

/** What both headers of an entry share: version, flags, method (stored), time, date, checksum, both sizes. */
function common(header: ByteBuilder, entry: { size: number; checksum: number; isZip64: boolean }): void {
  header
    .u16(entry.isZip64 ? 45 : 20)
    .u16(0)
    .u16(0)
    .u16(0)
    .u16(DATE);
  header.u32(entry.checksum).u32(entry.size).u32(entry.size);
}

function directoryEnd(count: number, start: number, length: number): Uint8Array {
  const end = new ByteBuilder();
  if (count >= MOST_16 || start >= MOST_32 || length >= MOST_32) {
    end.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(count).u64(count).u64(length).u64(start);
    end
      .u32(0x07064b50)
      .u32(0)
      .u64(start + length)
      .u32(1);
  }
  const entries = Math.min(count, MOST_16);
  end.u32(0x06054b50).u16(0).u16(0).u16(entries).u16(entries);
  return end.u32(Math.min(length, MOST_32)).u32(Math.min(start, MOST_32)).u16(0).toBytes();
}
