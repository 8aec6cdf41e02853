// A few worker threads that decode frames into shared memory, one piece of work at a time each.
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { invalid } from "@vid2world/formats";
import type { DecodeReply, DecodeRequest } from "./decode-worker.js";
import { frameBytes, type FrameFiles, type FrameRange } from "./frames.js";

/** Decoding in other threads. */
export interface DecodePool {
  /** Frames [T H W 3] in shared memory. Rejects with {@link FrameReadError} when the files are at fault. */
  decode(files: FrameFiles, range: FrameRange): Promise<Uint8Array<SharedArrayBuffer>>;
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
  readonly files: FrameFiles;
  readonly range: FrameRange;
  readonly target: SharedArrayBuffer;
  readonly resolve: (frames_THWC: Uint8Array<SharedArrayBuffer>) => void;
  readonly reject: (error: Error) => void;
}

interface Slot {
  readonly thread: Worker;
  job: Job | undefined;
}

// By the package's own name, because the sources that tests run have no compiled worker beside them.
const WORKER_FILE = createRequire(import.meta.url).resolve("@vid2world/world/data/decode-worker");
const CLOSE_MILLISECONDS = 2000;

/** Starts `workers` threads. They do not keep the process alive while they have nothing to do. */
export function createDecodePool(workers: number): DecodePool {
  if (!Number.isInteger(workers) || workers < 1) throw invalid("workers", "a whole number >= 1", workers);
  const waiting: Job[] = [];
  let failure: Error | undefined;

  const slots = Array.from({ length: workers }, (): Slot => {
    const slot: Slot = { thread: new Worker(WORKER_FILE), job: undefined };
    slot.thread.unref();
    slot.thread.on("message", ({ error }: DecodeReply) => {
      const job = slot.job;
      slot.job = undefined;
      slot.thread.unref();
      if (error !== undefined) job?.reject(new FrameReadError(job.files.path, error.message));
      else job?.resolve(new Uint8Array(job.target));
      assign();
    });
    slot.thread.on("error", (cause) => fail(new Error(`internal: a decode worker ended: ${String(cause)}`, { cause })));
    slot.thread.on("exit", (code) => {
      if (failure === undefined) fail(new Error(`internal: a decode worker ended with code ${code}`));
    });
    return slot;
  });

  function assign(): void {
    for (const slot of slots) {
      if (slot.job !== undefined) continue;
      const job = waiting.shift();
      if (job === undefined) return;
      slot.job = job;
      slot.thread.ref();
      const { files, range, target } = job;
      slot.thread.postMessage({ kind: "decode", files: plain(files), range, target } satisfies DecodeRequest);
    }
  }

  function fail(error: Error): void {
    failure ??= error;
    for (const job of [...slots.map((slot) => slot.job), ...waiting]) job?.reject(failure);
    waiting.length = 0;
    for (const slot of slots) slot.job = undefined;
  }

  return {
    decode(files, range) {
      if (failure !== undefined) return Promise.reject(failure);
      return new Promise((resolve, reject) => {
        const target = new SharedArrayBuffer(frameBytes(files, range.end - range.start));
        waiting.push({ files, range, target, resolve, reject });
        assign();
      });
    },
    async close() {
      fail(new Error("the loader is closed"));
      await Promise.all(slots.map(({ thread }) => end(thread)));
    },
  };
}

/** An episode without its actions and state, which would be copied to the worker for nothing. */
function plain({ media, path, actionsFile, frames, height, width }: FrameFiles): FrameFiles {
  return { media, path, actionsFile, frames, height, width };
}

async function end(thread: Worker): Promise<void> {
  thread.ref();
  const exited = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
  thread.postMessage({ kind: "close" } satisfies DecodeRequest);
  const deadline = setTimeout(() => void thread.terminate(), CLOSE_MILLISECONDS);
  await exited;
  clearTimeout(deadline);
}
