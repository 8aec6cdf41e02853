// Unpacks zip archives of plain files, entry by entry, with memory for a piece of one only.
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import yauzl, { type Entry } from "yauzl";
import { crc32 } from "@node-rs/crc32";
import { writeAtomically, writeFully } from "./atomic.js";
import { FormatError } from "./errors.js";

/**
 * Unpacks every file of an archive below `folder` and returns their names. Files that are there with the right size are left as they are;
 * each other appears whole, checked against its checksum, or not at all. Names that lead out of the folder are refused.
 * @throws FormatError for an archive that is damaged, encrypted, or names files outside.
 */
export async function unzip(archive: string, folder: string): Promise<string[]> {
  const zip = await yauzl.openPromise(archive, { lazyEntries: true, strictFileNames: true }).catch((cause: unknown) => {
    throw new FormatError(archive, `not a readable zip archive: ${(cause as Error).message}`, undefined, { cause });
  });
  const names: string[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith("/")) continue;
      if (entry.isEncrypted() || !entry.canDecodeFileData())
        throw new FormatError(archive, `${entry.fileName} is encrypted or packed in a way that is not known here`);
      names.push(entry.fileName);
      const target = join(folder, entry.fileName);
      const there = await stat(target).catch(() => undefined);
      if (there?.size === entry.uncompressedSize) continue;
      await mkdir(dirname(target), { recursive: true });
      const stream = await zip.openReadStreamPromise(entry);
      await writeAtomically(target, async (file) => {
        let sum = 0;
        for await (const piece of stream as AsyncIterable<Buffer>) {
          sum = crc32(piece, sum);
          await writeFully(file, piece);
        }
        if (sum !== entry.crc32) throw damaged(archive, entry);
      });
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(archive, `could not be unpacked: ${(error as Error).message}`, undefined, { cause: error });
  } finally {
    zip.close();
  }
  return names;
}

const damaged = (archive: string, { fileName }: Entry): FormatError =>
  new FormatError(archive, `${fileName} is damaged (checksum); get the archive again`);
