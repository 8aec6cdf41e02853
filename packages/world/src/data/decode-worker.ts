// Worker thread that decodes frames into shared memory. decode-pool.ts starts it and holds the other end.
import { parentPort } from "node:worker_threads";
import { readFramesInto, type FrameFiles, type FrameRange } from "./frames.js";

/** What the pool sends: one piece of work, or the wish to end. */
export type DecodeRequest =
  | {
      readonly kind: "decode";
      readonly files: FrameFiles;
      readonly range: FrameRange;
      readonly target: SharedArrayBuffer;
    }
  | { readonly kind: "close" };

/** What the worker answers: done (the frames are in the shared memory), or why they are not. */
export interface DecodeReply {
  readonly error?: { readonly name: string; readonly message: string };
}

const port = parentPort;
if (port === null) throw new Error("internal: decode-worker.js is started by the decode pool, not on its own");
const closing = new AbortController();

port.on("message", (request: DecodeRequest) => {
  if (request.kind === "close") {
    closing.abort(new Error("the loader was closed")); // ends ffmpeg too
    port.close();
    return;
  }
  const { files, range, target } = request;
  const reply = (answer: DecodeReply): void => {
    if (!closing.signal.aborted) port.postMessage(answer);
  };
  // One decoder thread each: the workers are the parallelism, and training needs the other cores.
  readFramesInto(files, range, new Uint8Array(target), { threads: 1, signal: closing.signal }).then(
    () => reply({}),
    (error: unknown) => {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      reply({ error: { name, message } });
    },
  );
});
