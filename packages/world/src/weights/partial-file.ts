// A download that is not complete yet: its bytes under a temporary name beside the destination, what they are a part of, and the hash so far.
import { createHash, type Hash } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

import { hashFile } from "./checksum.js";

/** Ending of the temporary name. Bytes stay under it when a download is interrupted. */
export const PARTIAL_ENDING = ".partial";

/** Whose beginning the bytes are: the address, and the server's entity tag if it gave one that compares byte by byte. */
interface Identity {
  readonly url?: string;
  readonly etag?: string;
}

/** The open temporary file of one destination. */
export class PartialFile {
  readonly #destination: string;
  readonly #file: FileHandle;
  #hash: Hash;
  #bytes: number;
  #identity: Identity;

  private constructor(destination: string, file: FileHandle, hash: Hash, bytes: number, identity: Identity) {
    this.#destination = destination;
    this.#file = file;
    this.#hash = hash;
    this.#bytes = bytes;
    this.#identity = identity;
  }

  /** Opens what an earlier download left (and hashes it), or an empty file. */
  static async open(destination: string, signal?: AbortSignal): Promise<PartialFile> {
    await mkdir(dirname(destination), { recursive: true });
    const path = destination + PARTIAL_ENDING;
    const bytes = await stat(path).then(
      ({ size }) => size,
      () => 0,
    );
    const hash = createHash("sha256");
    await hashFile(path, hash, { bytes, ...(signal && { signal }) });
    const file = await open(path, bytes > 0 ? "r+" : "w+");
    return new PartialFile(destination, file, hash, bytes, await readIdentity(path));
  }

  /** Bytes that are there. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Entity tag of what they are a part of. */
  get etag(): string | undefined {
    return this.#identity.etag;
  }

  /** Address that they came from. */
  get url(): string | undefined {
    return this.#identity.url;
  }

  /** Remembers on the disk whose bytes follow. */
  async identify(url: string, etag: string | undefined): Promise<void> {
    this.#identity = { url, ...(etag !== undefined && { etag }) };
    await writeFile(identityPath(this.#destination + PARTIAL_ENDING), JSON.stringify(this.#identity));
  }

  /** Forgets all bytes: the server sends another file, or from the beginning. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash("sha256");
    this.#bytes = 0;
  }

  /** Appends. */
  async append(piece: Uint8Array): Promise<void> {
    // A positioned write: the handle's own position is not where an earlier download ended.
    for (let done = 0; done < piece.byteLength;) {
      const { bytesWritten } = await this.#file.write(piece, done, piece.byteLength - done, this.#bytes + done);
      done += bytesWritten;
    }
    this.#hash.update(piece);
    this.#bytes += piece.byteLength;
  }

  /** SHA-256 of all bytes so far, hexadecimal. */
  sha256(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Closes; the bytes stay for another time. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Flushes, closes and gives the bytes their final name. */
  async finish(): Promise<void> {
    await this.#file.sync();
    await this.close();
    await rename(this.#destination + PARTIAL_ENDING, this.#destination);
    await rm(identityPath(this.#destination + PARTIAL_ENDING), { force: true });
  }

  /** Closes and deletes. */
  async discard(): Promise<void> {
    await this.close();
    for (const path of [this.#destination + PARTIAL_ENDING, identityPath(this.#destination + PARTIAL_ENDING)]) {
      await rm(path, { force: true });
    }
  }
}

const identityPath = (partial: string): string => `${partial}.json`;

async function readIdentity(partial: string): Promise<Identity> {
  try {
    return JSON.parse(await readFile(identityPath(partial), "utf8")) as Identity;
  } catch {
    return {}; // no note beside the bytes: nobody knows what they are
  }
}
