// The mapping file of `data import folder`: which channels there are, and how timestamped inputs become their values.
import { z } from "zod";
import { channelsSchema } from "../action-space.js";

/** How the values of a channel within one frame become one: see docs/data.md. */
export const combineSchema = z.enum(["mean", "last", "first", "max", "sum"]);

const columnSchema = z.strictObject({
  /** Name of the column. Default: the channel's own name. */
  column: z.string().optional(),
  /** Value of the channel = number of the column * scale + add. */
  scale: z.number().default(1),
  add: z.number().default(0),
  /** Values of a column that holds words: { jump: 1 }. Words that are not listed are an error. */
  words: z.record(z.string(), z.number()).optional(),
  /** Default: mean for continuous channels, max for binary ones, last for choices. */
  combine: combineSchema.optional(),
  /** Bring values outside of the channel's range into it, instead of refusing the clip. */
  clip: z.boolean().default(false),
});

/** How one column becomes the values of a channel. */
export type ColumnMapping = z.infer<typeof columnSchema>;

const inputsSchema = z.strictObject({
  /** `samples`: a row per point in time, a column per channel. `events`: keys and mouse, as `data record` takes them. */
  kind: z.enum(["samples", "events"]).default("samples"),
  /** Where a video's inputs are; {name} is the video's name. Default: the same name, .csv, .jsonl, .npz or .parquet. */
  file: z.string().optional(),
  /** The column with the time. */
  time: z.string().default("t"),
  unit: z.enum(["s", "ms", "us", "ns", "frames"]).default("s"),
  /** Seconds to add to the inputs' times to get those of the video, which begins at 0. */
  offset: z.number().default(0),
});

/** Where inputs come from. */
export type InputsMapping = z.infer<typeof inputsSchema>;

/** The whole file. */
export const mappingSchema = z
  .strictObject({
    name: z.string().min(1),
    description: z.string().optional(),
    licence: z.string().min(1),
    source: z.string().min(1),
    /** Rate and size of the recording; videos of another one are converted. */
    fps: z.number().positive().max(240),
    width: z.int().positive().multipleOf(2),
    height: z.int().positive().multipleOf(2),
    fit: z.enum(["stretch", "crop", "pad"]).default("crop"),
    inputs: inputsSchema.prefault({}),
    channels: channelsSchema,
    /** By channel name; a channel that is not named takes the column of its own name. */
    columns: z.record(z.string(), columnSchema).default({}),
    /** Names of clips that are never trained on; else every n-th. */
    validation: z.union([z.array(z.string()), z.strictObject({ every: z.int().nonnegative() })]).default({ every: 10 }),
  })
  .superRefine(({ channels, columns, inputs }, context) => {
    for (const name of Object.keys(columns)) {
      if (channels.some((channel) => channel.name === name)) continue;
      const known = channels.map((channel) => channel.name).join(", ");
      context.addIssue({
        code: "custom",
        path: ["columns", name],
        message: `no channel is called "${name}"; they are ${known}`,
      });
    }
    if (inputs.kind === "events" && Object.keys(columns).length > 0) {
      context.addIssue({
        code: "custom",
        path: ["columns"],
        message: "is for samples; events drive channels by their keys",
      });
    }
  });

/** How videos and inputs become a recording. */
export type Mapping = z.infer<typeof mappingSchema>;
