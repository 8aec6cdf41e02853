// Worker thread that writes one checkpoint. write-checkpoint.ts starts it and waits for its answer.
import { parentPort, workerData } from "node:worker_threads";
import { writeSnapshot } from "./write-checkpoint.js";
import type { WriteReply, WriteRequest } from "./write-checkpoint.js";

const port = parentPort;
if (port === null) throw new Error("internal: checkpoint-worker.js is started by write-checkpoint, not on its own");
const reply = (answer: WriteReply): void => port.postMessage(answer);

writeSnapshot(workerData as WriteRequest).then(
  () => reply(undefined),
  (error: unknown) => {
    const { message, code } = error as NodeJS.ErrnoException;
    reply({ message, code });
  },
);
