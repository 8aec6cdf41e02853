// Writes the JSON files of a recording, checked by the same schemas that read them, small and readable in a diff.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { invalid, writeFileAtomically } from "@vid2world/formats";
import type { Channel } from "./action-space.js";
import { clipProblem, clipSchema, HEADER_FILE, headerSchema, RECORDING_FORMAT } from "./recording-format.js";
import type { ClipFile, RecordingHeader } from "./recording-format.js";
import type { z } from "zod";

/** A header as a caller writes it: what has a default may be left out, the format's name is added. */
export type HeaderInput = Omit<z.input<typeof headerSchema>, "format">;

/** Makes the folder and writes `actions.json`; returns the header with all defaults. */
export async function writeHeader(folder: string, header: HeaderInput): Promise<RecordingHeader> {
  const complete = headerSchema.parse({ format: RECORDING_FORMAT, ...header });
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(
    join(folder, HEADER_FILE),
    `${JSON.stringify({ format: RECORDING_FORMAT, ...header }, null, 2)}\n`,
  );
  return complete;
}

/** Writes `NAME.actions.json`, one row of `actions` a line. The pictures, NAME.mp4 or NAME/, are the caller's. */
export async function writeClipFile(
  folder: string,
  name: string,
  clip: ClipFile,
  channels: readonly Channel[],
): Promise<void> {
  const { split, frames, info, actions, state } = clipSchema.parse(clip);
  const problem = clipProblem(clip, channels);
  if (problem !== undefined) throw invalid(`clip ${name}`, "actions and state that fit the recording", problem);
  const fields = [`"split": ${JSON.stringify(split)}`, `"frames": ${frames}`];
  if (info !== undefined) fields.push(`"info": ${JSON.stringify(info)}`);
  fields.push(`"actions": [\n${actions.map((row) => JSON.stringify(row)).join(",\n")}\n]`);
  if (state !== undefined) {
    const lines = Object.entries(state).map(([key, values]) => `${JSON.stringify(key)}: ${JSON.stringify(values)}`);
    fields.push(`"state": {\n${lines.join(",\n")}\n}`);
  }
  await writeFileAtomically(join(folder, `${name}.actions.json`), `{\n${fields.join(",\n")}\n}\n`);
}
