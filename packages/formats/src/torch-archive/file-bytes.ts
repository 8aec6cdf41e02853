// Reading ranges of an open file: whole, checked against its size, in pieces that every platform accepts.
import { constants } from "node:buffer";
import type { FileHandle } from "node:fs/promises";

import { FormatError } from "../errors.js";

/** An open file of known size. */
export interface FileBytes {
  readonly path: string;
  readonly size: number;
  /** The bytes `begin` to `begin + length`, in a buffer of their own. `what` names them if they are not there. */
  read(begin: number, length: number, what: string): Promise<Uint8Array<ArrayBuffer>>;
  /** The same bytes in order, in pieces; each piece is overwritten by the next. */
  pieces(begin: number, length: number, what: string): AsyncGenerator<Uint8Array>;
}

const LARGEST_READ = 2 ** 30; // one read takes less than 2^31 bytes on every platform
const PIECE = 2 ** 20;
/** What Node can hold in one buffer: 4 GiB in version 20, more later. */
const LARGEST_BUFFER = constants.MAX_LENGTH;

/** Wraps an open file. Whoever opened it closes it. */
export async function fileBytes(file: FileHandle, path: string): Promise<FileBytes> {
  const { size } = await file.stat();

  const check = (begin: number, length: number, what: string): void => {
    if (!(begin >= 0 && length >= 0 && begin + length <= size)) {
      throw new FormatError(path, `truncated: ${what} ends at byte ${begin + length}, the file at ${size}`, size);
    }
  };
  const fill = async (bytes: Uint8Array, begin: number, what: string): Promise<void> => {
    for (let done = 0; done < bytes.byteLength;) {
      const wanted = Math.min(LARGEST_READ, bytes.byteLength - done);
      const { bytesRead } = await file.read(bytes, done, wanted, begin + done);
      // The range was checked against the size at opening, so the file was cut since.
      if (bytesRead === 0) throw new FormatError(path, `truncated inside ${what} while open`, begin + done);
      done += bytesRead;
    }
  };

  return {
    path,
    size,
    read: async (begin, length, what) => {
      check(begin, length, what);
      const bytes = allocate(length, path, what);
      await fill(bytes, begin, what);
      return bytes;
    },
    pieces: async function* (begin, length, what) {
      check(begin, length, what);
      const buffer = new Uint8Array(Math.min(PIECE, length));
      for (let done = 0; done < length; done += buffer.byteLength) {
        const piece = buffer.subarray(0, Math.min(buffer.byteLength, length - done));
        await fill(piece, begin + done, what);
        yield piece;
      }
    },
  };
}

/** A zeroed buffer, or an error that says what is too large. */
export function allocate(length: number, path: string, what: string): Uint8Array<ArrayBuffer> {
  if (length > LARGEST_BUFFER)
    throw new FormatError(path, `${what} has ${length} bytes; ${LARGEST_BUFFER} can be read at once`);
  return new Uint8Array(length);
}
