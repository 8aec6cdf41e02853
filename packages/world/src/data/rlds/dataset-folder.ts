// Finds a TFDS dataset (`<name>/<version>/dataset_info.json`) and says which shards its splits have.
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { z } from "zod";
import { episodeNumbers, TFDS_INTERLEAVE } from "./episode-order.js";
import { readJson, readStepFields, type StepField } from "./features.js";
import { knownDataset } from "./known-datasets.js";

/** A file of records. */
export interface RldsShard {
  readonly file: string;
  readonly present: boolean;
  /** Number of the episode of each record, counted over the split in the order of TFDS. */
  readonly episodes: readonly number[];
}

/** A TFDS folder of robot episodes. */
export interface RldsFolder {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** Fields of a step by path. */
  readonly fields: ReadonlyMap<string, StepField>;
  readonly splits: readonly { readonly name: string; readonly shards: readonly RldsShard[] }[];
}

const infoSchema = z.object({
  name: z.string(),
  version: z.string().optional(),
  fileFormat: z.string().default("tfrecord"),
  disableShuffling: z.boolean().default(false),
  splits: z.array(
    z.object({
      name: z.string(),
      shardLengths: z.array(z.coerce.number().int().nonnegative()),
      filepathTemplate: z.string().default("{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"),
    }),
  ),
});

/**
 * Opens a dataset. `input` is the folder with dataset_info.json itself, the dataset's folder above it, or the folder of many
 * datasets above that, as TFDS lays them out. `dataset` is the published name, where a last digit may choose a camera.
 */
export async function openRldsFolder(input: string, dataset: string): Promise<RldsFolder> {
  const folder = await findVersion(input, dataset);
  const infoFile = join(folder, "dataset_info.json");
  const parsed = infoSchema.safeParse(await readJson(infoFile));
  if (!parsed.success)
    throw new FormatError(infoFile, `no description of a TFDS dataset: ${z.prettifyError(parsed.error)}`);
  const { name, version = basename(folder), fileFormat, disableShuffling, splits } = parsed.data;
  if (fileFormat.toLowerCase() !== "tfrecord") {
    throw new FormatError(infoFile, `files of format "${fileFormat}"; only tfrecord is read`);
  }
  const order = disableShuffling ? { ...TFDS_INTERLEAVE, cycle: 1 } : TFDS_INTERLEAVE;
  const names = new Set(await readdir(folder));
  return {
    folder,
    name,
    version,
    fields: await readStepFields(join(folder, "features.json")),
    splits: splits.map((split) => ({
      name: split.name,
      shards: shardsOf({ ...split, dataset: name, names, folder, order }),
    })),
  };
}

function shardsOf(split: {
  dataset: string;
  name: string;
  shardLengths: readonly number[];
  filepathTemplate: string;
  names: ReadonlySet<string>;
  folder: string;
  order: { cycle: number; block: number };
}): RldsShard[] {
  const { folder, names, shardLengths, order } = split;
  const filled = shardLengths.map((length, i) => ({ length, i })).filter(({ length }) => length > 0);
  const numbers = episodeNumbers(filled.map(({ length }) => length), order); // prettier-ignore
  return filled.map(({ i }, place) => {
    const file = shardName(split, i);
    return { file: join(folder, file), present: names.has(file), episodes: numbers[place] ?? [] };
  });
}

function shardName(
  split: { dataset: string; name: string; shardLengths: readonly number[]; filepathTemplate: string },
  i: number,
): string {
  const five = (value: number): string => String(value).padStart(5, "0");
  const count = split.shardLengths.length;
  const values: Readonly<Record<string, string>> = {
    DATASET: split.dataset,
    SPLIT: split.name,
    FILEFORMAT: "tfrecord",
    SHARD_X_OF_Y: `${five(i)}-of-${five(count)}`,
    SHARD_INDEX: five(i),
    NUM_SHARDS: five(count),
  };
  return split.filepathTemplate.replace(/\{([A-Z_]+)\}/g, (whole, key: string) => values[key] ?? whole);
}

async function findVersion(input: string, dataset: string): Promise<string> {
  const { folder: name, version } = knownDataset(dataset);
  for (const folder of [input, join(input, name)]) {
    if (existsSync(join(folder, "dataset_info.json"))) return folder;
    if (existsSync(join(folder, version, "dataset_info.json"))) return join(folder, version);
    const versions = existsSync(folder) ? (await readdir(folder)).filter((entry) => /^\d+\.\d+\.\d+$/.test(entry)) : [];
    const newest = versions.sort(new Intl.Collator("en", { numeric: true }).compare).at(-1);
    if (newest !== undefined && existsSync(join(folder, newest, "dataset_info.json"))) return join(folder, newest);
  }
  const tried = `neither dataset_info.json nor ${name}/${version}/dataset_info.json is in it`;
  throw new FormatError(input, `no dataset "${dataset}": ${tried}; give its folder, or its name with --dataset`);
}
