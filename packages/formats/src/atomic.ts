// Writing files so that the final name holds either the old content or the whole new content, never a part.
import { randomBytes } from "node:crypto";
import { constants, copyFile, open, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What an atomic write may be given: text (as UTF-8) or bytes. */
export type FileContent = string | Uint8Array;

/**
 * Opens a temporary file beside `path`, lets `write` fill it, flushes it to the disk and renames it to `path`.
 * When anything throws, the temporary file is removed, `path` is untouched, and the error passes through.
 * Returns what `write` returned. The folder must exist.
 */
export async function writeAtomically<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  const temporary = temporaryBeside(path);
  const file = await open(temporary, "wx");
  try {
    let result: T;
    try {
      result = await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Replaces the file at `path` by `content`, whole or not at all. */
export async function writeFileAtomically(path: string, content: FileContent): Promise<void> {
  await writeAtomically(path, (file) => file.writeFile(content));
}

/** Copies a file to `path`, whole or not at all; on file systems that can, both share their blocks. */
export async function copyFileAtomically(from: string, path: string): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await copyFile(from, temporary, constants.COPYFILE_FICLONE);
    await syncFile(temporary);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** In the same folder, because a rename is only atomic inside one file system; the dot hides it from `*.safetensors`. */
function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
}

/** Writes all of `bytes`, at the file's current position or at a given one; a plain `write` may stop early. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  // One call takes less than 2^31 bytes on every platform; 1 GiB pieces keep far from it.
  const PIECE = 2 ** 30;
  for (let done = 0; done < bytes.byteLength;) {
    const at = position === undefined ? null : position + done;
    const { bytesWritten } = await file.write(bytes, done, Math.min(PIECE, bytes.byteLength - done), at);
    done += bytesWritten;
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the rename itself survive a power cut. Not every file system can: there the rename is still atomic. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "EISDIR" && code !== "EPERM" && code !== "EINVAL" && code !== "EACCES" && code !== "ENOTSUP")
      throw error;
  } finally {
    await handle?.close();
  }
}
