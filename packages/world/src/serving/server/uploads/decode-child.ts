// The program of the process that decodes one file: options and file from standard input, the frames or a reason to standard output.

import { FormatError } from "@vid2world/formats";
import { packMessage, readAll, unpackMessage } from "./child-message.js";
import { type DecodeOptions, decodeFile } from "./decode-file.js";

/** What it answers, before the frames' bytes. */
export type DecodeAnswer =
  | { readonly found: number; readonly session?: unknown }
  /** Why it cannot be decoded, for the client. */
  | { readonly problem: string };

const { head, bytes } = unpackMessage(await readAll(process.stdin, 2 ** 31));
const options = head as DecodeOptions;
let answer: Buffer;
try {
  const { frames, ...rest } = await decodeFile(bytes, options);
  answer = packMessage(rest satisfies DecodeAnswer, frames);
} catch (error) {
  // Decoders name files in their messages, which the client never saw.
  const { message } = error as Error;
  const why = error instanceof FormatError ? message.split(`${error.file}: `).join("") : message;
  const problem = why.split(options.folder).join("").slice(0, 300);
  answer = packMessage({ problem } satisfies DecodeAnswer, new Uint8Array(0));
}
process.stdout.end(answer);
