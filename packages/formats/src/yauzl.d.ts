// The part of yauzl that we use; the package has no types of its own.
declare module "yauzl" {
  import type { EventEmitter } from "node:events";
  import type { Readable } from "node:stream";

  export interface Entry {
    readonly fileName: string;
    readonly compressedSize: number;
    readonly uncompressedSize: number;
    readonly compressionMethod: number;
    readonly crc32: number;
    readonly relativeOffsetOfLocalHeader: number;
    isEncrypted(): boolean;
    canDecodeFileData(): boolean;
  }

  export interface ZipFile {
    readonly entryCount: number;
    eachEntry(): AsyncIterableIterator<Entry>;
    openReadStreamPromise(entry: Entry): Promise<Readable>;
    readLocalFileHeaderPromise(entry: Entry, options: { minimal: true }): Promise<{ readonly fileDataStart: number }>;
    close(): void;
  }

  export interface OpenOptions {
    autoClose?: boolean;
    lazyEntries?: boolean;
    validateEntrySizes?: boolean;
    strictFileNames?: boolean;
  }

  export type ReadCallback = (error: Error | null, bytesRead?: number) => void;

  export class RandomAccessReader extends EventEmitter {
    read(buffer: Buffer, offset: number, length: number, position: number, callback: ReadCallback): void;
    close(callback: (error?: Error | null) => void): void;
  }

  export function openPromise(path: string, options?: OpenOptions): Promise<ZipFile>;
  export function fromRandomAccessReaderPromise(
    reader: RandomAccessReader,
    totalSize: number,
    options: OpenOptions,
  ): Promise<ZipFile>;
}
