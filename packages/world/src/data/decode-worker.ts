// Worker thread that reads clips into shared memory. decode-pool.ts starts it and holds the other end.
import { parentPort } from "node:worker_threads";
import { augmentFrames, type AugmentationChoice } from "./augmentation.js";
import { readClipInto, type ClipFiles } from "./clip-files.js";
import type { Span } from "./spans.js";

/** What the pool sends: one piece of work, or the wish to end. Work is done in the order in which it comes. */
export type DecodeRequest =
  | {
      readonly kind: "read";
      readonly id: number;
      readonly files: ClipFiles;
      readonly span: Span;
      /** A view of shared memory. */
      readonly target_THWC: Uint8Array<SharedArrayBuffer>;
      readonly augmentation?: AugmentationChoice | undefined;
    }
  | { readonly kind: "close" };

/** What the worker answers: done (the frames are in the shared memory), or why they are not. */
export interface DecodeReply {
  readonly id: number;
  readonly actions_TA?: Float32Array | undefined;
  readonly error?: { readonly name: string; readonly message: string };
}

const port = parentPort;
if (port === null) throw new Error("internal: decode-worker.js is started by the decode pool, not on its own");
const closing = new AbortController();
let turn: Promise<void> = Promise.resolve();

async function work(request: Extract<DecodeRequest, { kind: "read" }>): Promise<DecodeReply> {
  const { id, files, span, target_THWC, augmentation } = request;
  try {
    // One decoder thread each: the workers are the parallelism, and training needs the other cores.
    const actions_TA = await readClipInto(files, span, target_THWC, { threads: 1, signal: closing.signal });
    if (augmentation) target_THWC.set(augmentFrames(target_THWC, files, augmentation));
    return { id, actions_TA };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { id, error: { name, message } };
  }
}

port.on("message", (request: DecodeRequest) => {
  if (request.kind === "close") {
    closing.abort(new Error("the loader was closed")); // ends ffmpeg too
    port.close();
    return;
  }
  turn = turn.then(async () => {
    if (closing.signal.aborted) return;
    const reply = await work(request);
    if (!closing.signal.aborted) port.postMessage(reply);
  });
});
