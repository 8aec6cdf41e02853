// The two JSON files of a recording, as schemas: `actions.json`, one per recording, and `NAME.actions.json`, one per
// clip. docs/recordings.md describes the format for people.
import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { FormatError } from "@vid2world/formats";
import { z } from "zod";
import { describeIssues } from "../config/issues.js";
import { channelsSchema, rowProblem, type Channel } from "./action-space.js";

/** Value of `format` in `actions.json`. */
export const RECORDING_FORMAT = "vid2world-recording/1";

/** Name of the file that makes a folder a recording. */
export const HEADER_FILE = "actions.json";

/** What a clip is for. */
export const splitSchema = z.enum(["train", "val"]);

/** Training, or validation: never trained on. */
export type Split = z.infer<typeof splitSchema>;

/** `actions.json`: what all clips of a recording share. */
export const headerSchema = z.strictObject({
  format: z.literal(RECORDING_FORMAT),
  name: z.string().min(1),
  description: z.string().optional(),
  fps: z.number().positive(),
  width: z.int().positive(),
  height: z.int().positive(),
  channels: channelsSchema,
  licence: z.string().min(1),
  source: z.string().min(1),
});

/** What all clips of a recording share. */
export type RecordingHeader = z.infer<typeof headerSchema>;

/** `NAME.actions.json`: a clip's actions. `actions[t]` is what is pressed between frame t and frame t + 1. */
export const clipSchema = z.strictObject({
  split: splitSchema,
  frames: z.int().positive(),
  /** Facts about the clip, for people: map, player, ... */
  info: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** One row per frame, one value per channel. */
  actions: z.array(z.array(z.number())),
  /** Facts at each frame: one array of `frames` numbers per name. */
  state: z.record(z.string(), z.array(z.number())).optional(),
});

/** Content of a clip's action file. */
export type ClipFile = z.infer<typeof clipSchema>;

/** Reads and checks `actions.json`. */
export async function readHeader(file: string): Promise<RecordingHeader> {
  return parse(file, headerSchema, await readJson(file));
}

/** Reads and checks a clip's action file against the channels of its recording. */
export async function readClipFile(file: string, channels: readonly Channel[]): Promise<ClipFile> {
  const clip = parse(file, clipSchema, await readJson(file));
  const problem = clipProblem(clip, channels);
  if (problem !== undefined) throw new FormatError(file, problem);
  return clip;
}

/** What the schema cannot say about a clip: lengths, widths, ranges. Undefined if all is well. */
export function clipProblem(clip: ClipFile, channels: readonly Channel[]): string | undefined {
  if (clip.actions.length !== clip.frames) {
    return `frames: ${clip.frames} announced, but actions has ${clip.actions.length} rows; one row per frame is needed`;
  }
  for (const [t, row] of clip.actions.entries()) {
    const problem = rowProblem(channels, row);
    if (problem !== undefined) return `actions[${t}]: ${problem}`;
  }
  for (const [name, values] of Object.entries(clip.state ?? {})) {
    if (values.length !== clip.frames) return `state.${name}: ${values.length} values for ${clip.frames} frames`;
  }
  return undefined;
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const absent = cause.code === "ENOENT" || cause.code === "ENOTDIR";
    const problem =
      absent && basename(file) === HEADER_FILE
        ? `missing: ${dirname(file)} is no folder of recordings; docs/recordings.md describes one`
        : `could not be read: ${cause.message}`;
    throw new FormatError(file, problem, undefined, { cause });
  });
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    // JSON has no NaN and no Infinity: programs that write them end up here.
    throw new FormatError(file, `not valid JSON: ${(cause as Error).message.replace(/\s+/g, " ")}`, undefined, {
      cause,
    });
  }
}

function parse<T>(file: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new FormatError(file, describeIssues(schema, value, result.error));
}
