// Writing a snapshot: aside, with a checksum, flushed, renamed. In another thread the steps of the run go on meanwhile.
import { statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { writeSafetensors } from "@vid2world/formats/safetensors"; // not the whole index: the worker starts sooner
import type { Snapshot } from "./checkpoints.js";

/** What the worker thread is given. */
export interface WriteRequest {
  readonly file: string;
  readonly snapshot: Snapshot;
}

/** Why the worker thread failed; undefined after success. */
export type WriteReply = { readonly message: string; readonly code?: string | undefined } | undefined;

/** A checkpoint could not be written. Those before it are untouched. */
export class CheckpointWriteError extends Error {
  override readonly name = "CheckpointWriteError";
}

/** Writes `snapshot` to `file`: whole under its name, or not at all. */
export async function writeSnapshot({ file, snapshot }: WriteRequest): Promise<void> {
  const { entries, metadata } = snapshot;
  await writeSafetensors(file, entries, { metadata, checksum: true });
}

// By the package's own name, because the sources that tests run have no compiled worker beside them.
const WORKER_FILE = createRequire(import.meta.url).resolve("@vid2world/world/training/checkpoint-worker");

/** As `writeSnapshot`, in a thread of its own. The snapshot's memory moves there: it cannot be used afterwards. */
export async function writeSnapshotBeside(request: WriteRequest): Promise<void> {
  const transferList = [...new Set(request.snapshot.entries.map(({ bytes }) => bytes.buffer))];
  const worker = new Worker(WORKER_FILE, { workerData: request, transferList });
  const reply = await new Promise<WriteReply>((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
    worker.once("exit", () => reject(new Error("the thread that writes checkpoints ended")));
  });
  if (reply) throw Object.assign(new Error(reply.message), { code: reply.code });
}

/** The same error for people: what it would have taken, and what to do. */
export async function explainWriteError(
  error: unknown,
  { file, bytes, newest }: { readonly file: string; readonly bytes: number; readonly newest: string | undefined },
): Promise<CheckpointWriteError> {
  const { code, message } = error as NodeJS.ErrnoException;
  const kept = newest === undefined ? "there is no earlier one" : `${path.basename(newest)} is the newest good one`;
  const folder = path.dirname(file);
  const free = await statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  );
  const space = free === undefined ? "" : `, ${megabytes(free)} are free`;
  const advice =
    code === "ENOSPC" || code === "EDQUOT"
      ? `no space: it takes ${megabytes(bytes)}${space} on the disk of ${folder}; free space there (older runs, their latents/ and instability/)`
      : `${message}; see that ${folder} can be written`;
  return new CheckpointWriteError(`${path.basename(file)} was not saved: ${advice}; ${kept}`, { cause: error });
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
