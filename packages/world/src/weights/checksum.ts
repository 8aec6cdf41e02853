// SHA-256 of files of many gigabytes, read once, with progress.
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Bytes of one read. */
const PIECE = 2 ** 20;

/** Feeds the first `bytes` of `path` (all, when absent) to `hash`; `onBytes` hears how many went in since the last call. */
export async function hashFile(
  path: string,
  hash: Hash,
  {
    bytes = Infinity,
    onBytes,
    signal,
  }: { bytes?: number; onBytes?: (count: number) => void; signal?: AbortSignal } = {},
): Promise<void> {
  if (bytes <= 0) return;
  const range = Number.isFinite(bytes) ? { end: bytes - 1 } : {};
  for await (const piece of createReadStream(path, { highWaterMark: PIECE, ...range, ...(signal && { signal }) })) {
    hash.update(piece as Buffer);
    onBytes?.((piece as Buffer).length);
  }
}

/** The SHA-256 of a file, hexadecimal. */
export async function sha256Of(path: string, onBytes?: (count: number) => void, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await hashFile(path, hash, { ...(onBytes && { onBytes }), ...(signal && { signal }) });
  return hash.digest("hex");
}
