// Where the bytes of storages come from, for both containers behind one face.
import { crc32 } from "node:zlib";

import { FormatError } from "../errors.js";
import type { FileBytes } from "./file-bytes.js";
import type { NamedStorage } from "./rebuild.js";
import type { TorchStorageRecord } from "./records.js";
import { checksumError, type ZipEntry } from "./zip-entries.js";

/** Reads parts of storages. Every storage that the pickle names was found, and found long enough, when it was made. */
export interface StorageSource {
  /** Bytes `begin` to `begin + length` of a storage, in a buffer of their own. */
  read(storage: TorchStorageRecord, begin: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Storages that are entries of a zip, called `prefix` and their key. */
export function zipStorages(
  file: FileBytes,
  entries: ReadonlyMap<string, ZipEntry>,
  prefix: string,
  storages: Iterable<TorchStorageRecord>,
): StorageSource {
  const found = new Map<TorchStorageRecord, ZipEntry>();
  for (const storage of storages) {
    const entry = entries.get(prefix + storage.key);
    if (entry === undefined) throw new FormatError(file.path, `storage ${storage.key} is missing from the zip`);
    if (entry.size < storage.byteLength) {
      const message = `storage ${storage.key} holds ${entry.size} bytes, the tensors in it need ${storage.byteLength}`;
      throw new FormatError(file.path, message);
    }
    found.set(storage, entry);
  }
  const verified = new Map<ZipEntry, Promise<void>>();
  // Deflated entries can only be read whole. The last one stays, since views of one storage tend to be read in a row.
  let inflated: { readonly entry: ZipEntry; readonly bytes: Promise<Uint8Array<ArrayBuffer>> } | undefined;

  return {
    async read(storage, begin, length) {
      const entry = found.get(storage);
      if (entry === undefined) throw new FormatError(file.path, `storage ${storage.key} is of another file`);
      if (length === entry.size) return entry.read();
      if (!entry.isStored) {
        if (inflated?.entry !== entry) inflated = { entry, bytes: entry.read() };
        return (await inflated.bytes).slice(begin, begin + length);
      }
      // One pass over the whole storage for its checksum, then only what is asked for: a view of a storage of many
      // gigabytes costs no more memory than itself.
      let check = verified.get(entry);
      if (check === undefined) verified.set(entry, (check = verify(file, entry)));
      await check;
      return file.read((await entry.dataStart()) + begin, length, `storage ${storage.key}`);
    },
  };
}

async function verify(file: FileBytes, entry: ZipEntry): Promise<void> {
  const begin = await entry.dataStart();
  let checksum = 0;
  for await (const piece of file.pieces(begin, entry.size, `entry ${entry.name}`)) checksum = crc32(piece, checksum);
  if (checksum !== entry.crc32) throw checksumError(file, entry.name, begin);
}

/** Storages of a legacy file: one after another from `start`, in the order of `keys`, each behind its element count. */
export async function legacyStorages(
  file: FileBytes,
  start: number,
  keys: readonly string[],
  { storages, isLittleEndian }: { storages: ReadonlyMap<string, NamedStorage>; isLittleEndian: boolean },
): Promise<StorageSource> {
  const begins = new Map<TorchStorageRecord, number>();
  let position = start;
  for (const key of keys) {
    const storage = storages.get(key);
    if (storage === undefined) throw new FormatError(file.path, `storage ${key} belongs to no tensor`, position);
    if (begins.has(storage)) throw new FormatError(file.path, `storage ${key} is listed twice`, position);
    const prefix = await file.read(position, 8, `the length of storage ${key}`);
    const count = new DataView(prefix.buffer).getBigInt64(0, isLittleEndian);
    if (count * BigInt(storage.elementSize) !== BigInt(storage.byteLength)) {
      const message = `storage ${key} holds ${count} elements, its tensors say ${storage.byteLength / storage.elementSize}`;
      throw new FormatError(file.path, message, position);
    }
    begins.set(storage, position + 8);
    position += 8 + storage.byteLength;
    if (position > file.size) {
      const message = `truncated: storage ${key} ends at byte ${position}, the file at ${file.size}`;
      throw new FormatError(file.path, message, file.size);
    }
  }
  const missing = [...storages.values()].find((storage) => !begins.has(storage));
  if (missing !== undefined) throw new FormatError(file.path, `storage ${missing.key} is missing from the file`);
  return {
    async read(storage, begin, length) {
      const at = begins.get(storage);
      if (at === undefined) throw new FormatError(file.path, `storage ${storage.key} is of another file`);
      return file.read(at + begin, length, `storage ${storage.key}`);
    },
  };
}
