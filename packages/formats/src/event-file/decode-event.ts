// A record of a TensorBoard event file from bytes.
import { FormatError } from "../errors.js";
import { eachField } from "../protobuf-fields.js";
import type { EventValue, LoggedEvent } from "./event.js";
import { event, image, sessionLog, tensor, value } from "./event-fields.js";

/** Decodes a record. `name` and `offset` (where it begins) are what errors say. */
export function decodeEvent(bytes: Uint8Array, name = "event", offset?: number): LoggedEvent {
  try {
    let [wallTime, step] = [0, 0];
    const marks: { fileVersion?: string; sessionStart?: boolean } = {};
    const values: EventValue[] = [];
    eachField(bytes, (field, reader) => {
      if (field === event.wallTime) wallTime = reader.double();
      else if (field === event.step) step = Number(reader.int64());
      else if (field === event.fileVersion) marks.fileVersion = reader.string();
      else if (field === event.sessionLog) {
        if (statusOf(reader.bytes()) === sessionLog.start) marks.sessionStart = true;
      } else if (field === event.summary) values.push(...decodeSummary(reader.bytes()));
      else return false;
      return true;
    });
    return { wallTime, step, values, ...marks };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError(name, `not a tensorflow.Event: ${reason}`, offset, { cause });
  }
}

function statusOf(bytes: Uint8Array): number {
  let status = 0;
  eachField(bytes, (field, reader) => {
    if (field === sessionLog.status) status = reader.int32();
    return field === sessionLog.status;
  });
  return status;
}

function decodeSummary(bytes: Uint8Array): EventValue[] {
  const values: EventValue[] = [];
  eachField(bytes, (field, reader) => {
    if (field !== 1) return false;
    const decoded = decodeValue(reader.bytes());
    if (decoded) values.push(decoded);
    return true;
  });
  return values;
}

function decodeValue(bytes: Uint8Array): EventValue | undefined {
  let tag = "";
  let found: ((tag: string) => EventValue) | undefined;
  eachField(bytes, (field, reader) => {
    if (field === value.tag) tag = reader.string();
    else if (field === value.scalar) found = scalarOf(reader.float());
    else if (field === value.image) found = imageOf(reader.bytes());
    else if (field === value.tensor) found = textOf(reader.bytes());
    else return false;
    return true;
  });
  return found?.(tag);
}

const scalarOf =
  (number: number) =>
  (tag: string): EventValue => ({ kind: "scalar", tag, value: number });

function imageOf(bytes: Uint8Array): (tag: string) => EventValue {
  let [height, width] = [0, 0];
  let encoded: Uint8Array = new Uint8Array(0);
  eachField(bytes, (field, reader) => {
    if (field === image.height) height = reader.int32();
    else if (field === image.width) width = reader.int32();
    else if (field === image.encoded) encoded = reader.bytes();
    else return false;
    return true;
  });
  return (tag) => ({ kind: "image", tag, encoded, height, width });
}

/** A tensor of strings is a text; other tensors belong to plugins that nobody here writes for. */
function textOf(bytes: Uint8Array): ((tag: string) => EventValue) | undefined {
  const strings: string[] = [];
  eachField(bytes, (field, reader) => {
    if (field === tensor.strings) strings.push(Buffer.from(reader.bytes()).toString("utf8"));
    return field === tensor.strings;
  });
  return strings.length === 0 ? undefined : (tag) => ({ kind: "text", tag, text: strings.join("\n") });
}
