// TensorBoard event files: records are appended whole, so that a killed program leaves a readable file. TensorBoard watches the folder.
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { FormatError, invalid } from "../errors.js";
import { frameTfRecord, readTfRecords } from "../tfrecord/tfrecord.js";
import { decodeEvent } from "./decode-event.js";
import { encodeEvent } from "./encode-event.js";
import { EVENT_FILE_VERSION, type EventValue, type LoggedEvent } from "./event.js";

/** How an event file is begun. */
export interface EventFileOptions {
  /** The file goes on from earlier ones in its folder: what those hold of this step and later ones is taken back. */
  readonly resumedAt?: number;
  /** Milliseconds since 1970, for tests. */
  readonly now?: () => number;
}

/** An open event file. */
export interface EventFile {
  readonly file: string;
  /** Appends values of one step as one record. */
  write(step: number, values: readonly EventValue[]): void;
  close(): void;
}

let opened = 0;

/**
 * Begins an event file in `folder`, which is made if need be. Writing is synchronous: a record is in the file when `write` returns.
 * @example
 * const events = createEventFile("runs/debug/tensorboard");
 * events.write(10, [{ kind: "scalar", tag: "loss", value: 0.25 }]);
 * events.close();
 */
export function createEventFile(folder: string, { resumedAt, now = Date.now }: EventFileOptions = {}): EventFile {
  mkdirSync(folder, { recursive: true });
  // TensorBoard takes files with "tfevents" in their name, in the order of names: seconds first.
  const unique = `${hostname()}.${process.pid}.${opened++}`;
  const file = join(folder, `events.out.tfevents.${String(Math.floor(now() / 1000)).padStart(10, "0")}.${unique}`);
  let handle: number | undefined = openSync(file, "ax");
  const append = (record: Omit<LoggedEvent, "wallTime">): void => {
    if (handle === undefined) throw invalid("write", "an open event file", `${file}, which was closed`);
    const bytes = frameTfRecord(encodeEvent({ wallTime: now() / 1000, ...record }));
    for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done);
  };
  append({ step: 0, values: [], fileVersion: EVENT_FILE_VERSION });
  if (resumedAt !== undefined) append({ step: resumedAt, values: [], sessionStart: true });
  return {
    file,
    write: (step, values) => {
      if (values.length > 0) append({ step, values });
    },
    close() {
      if (handle !== undefined) closeSync(handle);
      handle = undefined;
    },
  };
}

/** Reads the records of an event file in order. A last record that is not finished (its writer was killed, or still writes) is left out. */
export async function* readEventFile(file: string): AsyncGenerator<LoggedEvent, void> {
  for await (const { index, data, offset } of readTfRecords(file, { growing: true })) {
    const record = decodeEvent(data, file, offset);
    if (index === 0 && record.fileVersion === undefined)
      throw new FormatError(file, `no event file: its first record names no version (${EVENT_FILE_VERSION})`, offset);
    yield record;
  }
}
