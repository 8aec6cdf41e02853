// Decodes a client's file in a process of its own that is killed when it takes too long; a crash of a decoder is a refused upload.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sessionFileSchema } from "../../protocol/messages.js";
import { ServingError } from "../serving-error.js";
import { packMessage, readAll, unpackMessage } from "./child-message.js";
import type { DecodeAnswer } from "./decode-child.js";
import type { DecodeOptions, DecodedFile } from "./decode-file.js";

/** How a file is decoded. */
export interface DecodeUploadOptions extends Omit<DecodeOptions, "folder"> {
  readonly seconds: number;
}

// By the package's own name, because the sources that tests run have no compiled program beside them.
const CHILD = createRequire(import.meta.url).resolve("@vid2world/world/serving/server/uploads/decode-child");
const MOST_ANSWER = 256 * 2 ** 20;
const HEAP_MB = 256;
/** Memory that the process may ask for, and so may its ffmpeg. */
const DATA_KB = 2_000_000;
/** Cores that it may keep busy for as long as it may take. */
const CORES = 4;

/** The frames in a file. Throws `bad-upload` saying why there are none. */
export async function decodeUpload(
  file: Uint8Array,
  { seconds, ...options }: DecodeUploadOptions,
): Promise<DecodedFile> {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-upload-"));
  try {
    const block = await runChild(packMessage({ ...options, folder }, file), seconds);
    if (block.length < 4) throw refused("it could not be decoded, or took too long");
    const { head, bytes } = unpackMessage(block);
    const answer = head as DecodeAnswer;
    if ("problem" in answer) throw refused(answer.problem);
    const { found, session } = answer;
    if (bytes.length === 0 || bytes.length % (options.width * options.height * 3) !== 0)
      throw refused("no frame in it");
    // What a decoder says that was fed a stranger's file is looked at once more.
    const checked = session === undefined ? {} : { session: sessionFileSchema.parse(session) };
    return { found, frames: Uint8Array.from(bytes), ...checked };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the process wrote; nothing where it crashed or was killed. */
async function runChild(input: Buffer, seconds: number): Promise<Buffer> {
  // A group of its own, so that its ffmpeg ends with it.
  // V8's limit holds for its heap alone; the shell's for pictures and videos too, in the process and in its ffmpeg.
  const program = [process.execPath, `--max-old-space-size=${HEAP_MB}`, CHILD];
  // The time of a processor ends what nobody kills because this server was killed.
  const limited = 'ulimit -d "$1" 2>/dev/null; ulimit -t "$2" 2>/dev/null; shift 2; exec "$@"';
  const most = [String(DATA_KB), String(Math.ceil(seconds) * CORES)];
  const child = spawn("/bin/sh", ["-c", limited, "sh", ...most, ...program], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
    env: { PATH: process.env["PATH"] }, // nothing of the server's
  });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // nobody of the group is left
    }
  };
  const deadline = setTimeout(kill, seconds * 1000);
  child.stdin.on("error", () => undefined); // it ended before it had read everything
  const started = new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  try {
    await started;
    child.stdin.end(input);
    return await readAll(child.stdout, MOST_ANSWER);
  } catch {
    return Buffer.alloc(0);
  } finally {
    clearTimeout(deadline);
    kill(); // where it crashed, its ffmpeg goes on
  }
}

const refused = (why: string): ServingError => new ServingError("bad-upload", `this file cannot be used: ${why}`);
