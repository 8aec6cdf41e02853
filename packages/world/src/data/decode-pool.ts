// A few worker threads that read clips into shared memory. All work is handed to them at once, so that they go on while the main thread is
// busy with a training step.
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { invalid } from "@vid2world/formats";
import type { AugmentationChoice } from "./augmentation.js";
import type { ClipFiles } from "./clip-files.js";
import type { DecodeReply, DecodeRequest } from "./decode-worker.js";
import type { Span } from "./spans.js";

/** Bytes that several threads see. */
export type SharedBytes = Uint8Array<SharedArrayBuffer>;

/** Decoding in other threads. */
export interface DecodePool {
  /**
   * Reads frames [T H W 3] into shared memory, and the actions [T A] that the same files hold (otherwise undefined). Rejects with
   * {@link FrameReadError} when the files are at fault. The frames are augmented where that is asked for.
   */
  read(
    files: ClipFiles,
    span: Span,
    target_THWC: SharedBytes,
    augmentation?: AugmentationChoice,
  ): Promise<Float32Array | undefined>;
  /** Stops all work, its decoders included, and waits for the threads to end. Open work rejects. */
  close(): Promise<void>;
}

/** A worker could not read an episode's pictures; the message is that of the reader. */
export class FrameReadError extends Error {
  override readonly name = "FrameReadError";
  readonly file: string;

  constructor(file: string, message: string) {
    super(message);
    this.file = file;
  }
}

interface Job {
  readonly files: ClipFiles;
  readonly resolve: (actions_TA: Float32Array | undefined) => void;
  readonly reject: (error: Error) => void;
}

interface Slot {
  readonly thread: Worker;
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<void>;
  /** What it was given and has not answered, by number. */
  readonly jobs: Map<number, Job>;
}

// By the package's own name, because the sources that tests run have no compiled worker beside them.
const WORKER_FILE = createRequire(import.meta.url).resolve("@vid2world/world/data/decode-worker");
const CLOSE_MILLISECONDS = 2000;

/** Starts `workers` threads. They do not keep the process alive while they have nothing to do. `program` is for tests of what can go wrong. */
export function createDecodePool(workers: number, program: string | URL = WORKER_FILE): DecodePool {
  if (!Number.isInteger(workers) || workers < 1) throw invalid("workers", "a whole number >= 1", workers);
  let failure: Error | undefined;
  let count = 0;

  const fail = (error: Error): void => {
    failure ??= error;
    for (const { jobs } of slots) {
      for (const job of jobs.values()) job.reject(failure);
      jobs.clear();
    }
  };

  const slots = Array.from({ length: workers }, (): Slot => {
    const thread = new Worker(program);
    const exited = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
    const slot: Slot = { thread, exited, jobs: new Map() };
    slot.thread.unref();
    slot.thread.on("message", ({ id, actions_TA, error }: DecodeReply) => {
      const job = slot.jobs.get(id);
      slot.jobs.delete(id);
      if (slot.jobs.size === 0) slot.thread.unref();
      if (job === undefined) return;
      if (error === undefined) job.resolve(actions_TA);
      else if (error.name === "FormatError") job.reject(new FrameReadError(job.files.path, error.message));
      else job.reject(new Error(`${job.files.path}: ${error.name}: ${error.message}`)); // not the file's fault
    });
    slot.thread.on("error", (cause) => fail(new Error(`internal: a decode worker ended: ${String(cause)}`, { cause })));
    slot.thread.on("exit", (code) => {
      if (failure === undefined) fail(new Error(`internal: a decode worker ended with code ${code}`));
    });
    return slot;
  });

  return {
    read(files, span, target_THWC, augmentation) {
      if (failure !== undefined) return Promise.reject(failure);
      const { thread, jobs } = slots.reduce((least, slot) => (slot.jobs.size < least.jobs.size ? slot : least));
      const id = count++;
      return new Promise((resolve, reject) => {
        jobs.set(id, { files, resolve, reject });
        thread.ref();
        thread.postMessage({ kind: "read", id, files, span, target_THWC, augmentation } satisfies DecodeRequest);
      });
    },
    async close() {
      fail(new Error("the loader is closed"));
      await Promise.all(slots.map(end));
    },
  };
}

async function end({ thread, exited }: Slot): Promise<void> {
  thread.ref();
  thread.postMessage({ kind: "close" } satisfies DecodeRequest);
  const deadline = setTimeout(() => void thread.terminate(), CLOSE_MILLISECONDS);
  await exited;
  clearTimeout(deadline);
}
