// Reads tar archives entry by entry, over tar-stream: nothing is written, and memory does not depend on the archive's size.
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { FormatError } from "./errors.js";

/** What an entry of an archive is. */
export type TarEntryKind = "file" | "directory" | "link" | "other";

/** One entry. Names are as the archive has them: whoever writes files by them must check them first. */
export interface TarEntry {
  readonly name: string;
  readonly kind: TarEntryKind;
  /** Where a link leads. */
  readonly target?: string;
  /** Bytes of the content. */
  readonly size: number;
  /** The content; it can be read once, before the next entry is asked for. What is not read is passed over. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Bytes of the archive that were read so far, some of them ahead. */
  readonly archiveBytes: number;
}

const KINDS: Readonly<Record<string, TarEntryKind>> = {
  file: "file",
  "contiguous-file": "file",
  directory: "directory",
  link: "link",
  symlink: "link",
};

/** The entries of an archive in their order. An archive that is cut short or damaged ends in a FormatError with the offset. */
export async function* readTar(
  file: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<TarEntry> {
  const source = createReadStream(file);
  const entries = extract();
  const feeding = pipeline(source, entries, signal === undefined ? {} : { signal });
  feeding.catch(() => undefined); // the same error ends the loop below
  const named = (error: unknown): unknown => {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    if (error instanceof FormatError || signal?.aborted === true || code !== undefined) return error; // not the archive's
    const text = error instanceof Error ? error.message : String(error);
    return new FormatError(file, `not a whole tar archive: ${text}`, source.bytesRead, { cause: error });
  };
  try {
    for await (const entry of entries) {
      const { name, type, linkname, size = 0 } = entry.header;
      yield {
        name,
        size,
        kind: KINDS[type ?? "file"] ?? "other",
        ...(linkname ? { target: linkname } : {}),
        content: contentOf(entry as AsyncIterable<Uint8Array>, named), // the types leave open of what
        archiveBytes: source.bytesRead,
      };
      entry.resume();
    }
    await feeding;
  } catch (error) {
    throw named(error);
  } finally {
    source.destroy();
    entries.destroy();
  }
}

async function* contentOf(
  chunks: AsyncIterable<Uint8Array>,
  named: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw named(error);
  }
}
