// A checksum inside a safetensors file: the first entry of its metadata, over every byte of the file but its own digits. Other readers
// see an ordinary file with one more line of text.
import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";

import { FormatError } from "./errors.js";

/** The metadata's key. */
export const CHECKSUM_KEY = "crc32";
/** What the digits count as while they are not known. */
export const NO_CHECKSUM = "00000000";
/** Where the digits begin: after the header's length and the text before them. */
export const CHECKSUM_OFFSET = 8 + `{"__metadata__":{"${CHECKSUM_KEY}":"`.length;

/** Eight hexadecimal digits. */
export const checksumText = (value: number): string => value.toString(16).padStart(8, "0");

const PIECE = 2 ** 23;

/**
 * Reads a whole file and compares it with its checksum; false where it was written without one.
 * @throws FormatError when it differs.
 */
export async function verifySafetensors(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const buffer = new Uint8Array(PIECE);
    let stored: string | undefined;
    let value = 0;
    for (let offset = 0; ;) {
      const { bytesRead } = await file.read(buffer, 0, PIECE, offset);
      const piece = buffer.subarray(0, bytesRead);
      if (offset === 0) {
        stored = takeDigits(piece);
        if (stored === undefined) return false;
      }
      if (bytesRead === 0) break;
      value = crc32(piece, value);
      offset += bytesRead;
    }
    const found = checksumText(value);
    if (found !== stored)
      throw new FormatError(path, `is damaged: its checksum is ${found}, it was written as ${stored}`);
    return true;
  } finally {
    await file.close();
  }
}

/** Cuts the digits out of the file's beginning; undefined where there are none. */
function takeDigits(start: Uint8Array): string | undefined {
  const text = new TextDecoder("latin1").decode(start.subarray(8, CHECKSUM_OFFSET + 8));
  const digits = /^\{"__metadata__":\{"crc32":"([0-9a-f]{8})$/.exec(text)?.[1];
  if (digits !== undefined) start.set(new TextEncoder().encode(NO_CHECKSUM), CHECKSUM_OFFSET);
  return digits;
}
