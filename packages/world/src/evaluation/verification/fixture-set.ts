// A folder of recorded cases: its manifests, each with the kind of cases that it describes.
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join, parse } from "node:path";

import { FormatError, invalid } from "@vid2world/formats";
import * as z from "zod";

import { describeIssues } from "../../config/issues.js";

/** One `*.json` file of the folder. */
export interface Manifest {
  /** Path of the JSON file. */
  readonly file: string;
  /** Folder of the JSON file and of everything that it names. */
  readonly folder: string;
  /** Name of the file without `.json`. */
  readonly stem: string;
  /** What its cases are: its `name`, else its stem. */
  readonly kind: string;
  /** The whole content, checked. Throws a FormatError that lists what is missing or wrong. */
  read<Schema extends z.ZodType>(schema: Schema): z.output<Schema>;
  /** The path of a file beside the manifest; throws a FormatError where there is none. */
  path(name: string): string;
  /** The path of a file beside the manifest, or undefined. */
  find(name: string): string | undefined;
  /** The path of the tensors that belong to the manifest: `<stem><ending>`, else `<kind><ending>`, else undefined. */
  beside(ending: string): string | undefined;
}

/** A folder of recorded cases. */
export interface FixtureSet {
  readonly directory: string;
  readonly manifests: readonly Manifest[];
  /** The first manifest of a kind, the one whose file has the kind's name before others. */
  find(kind: string): Manifest | undefined;
}

/** The folder that holds the checkpoint files and their manifest. */
const CHECKPOINTS = "ckpt";

/** Reads every manifest of a folder. A manifest that is no JSON is there all the same: its `read` throws. */
export async function openFixtureSet(directory: string): Promise<FixtureSet> {
  const manifests = [...(await manifestsIn(directory)), ...(await manifestsIn(join(directory, CHECKPOINTS)))];
  return {
    directory,
    manifests,
    find(kind) {
      const fitting = manifests.filter((manifest) => manifest.kind === kind);
      return fitting.find(({ stem }) => stem === kind) ?? fitting[0];
    },
  };
}

async function manifestsIn(folder: string): Promise<Manifest[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(names.map((name) => openManifest(folder, name)));
}

async function openManifest(folder: string, name: string): Promise<Manifest> {
  const file = join(folder, name);
  const stem = parse(name).name;
  const text = await readFile(file, "utf8");
  const content = parseJson(text);
  const kind = kindOf(content.value) ?? stem;
  const pathOf = (wanted: string): string | undefined => [join(folder, wanted)].find(existsSync);
  return {
    file,
    folder,
    stem,
    kind,
    read(schema) {
      if (content.fault !== undefined) throw new FormatError(file, `is not JSON: ${content.fault}`);
      const parsed = schema.safeParse(content.value);
      if (parsed.success) return parsed.data;
      throw new FormatError(file, describeIssues(schema, content.value, parsed.error));
    },
    path: (wanted) => pathOf(wanted) ?? missingFile(file, wanted),
    find: pathOf,
    beside: (ending) => [stem, kind].map((base) => join(folder, base + ending)).find(existsSync),
  };
}

function missingFile(file: string, wanted: string): never {
  throw new FormatError(file, `names ${wanted}, which is not beside it`);
}

function parseJson(text: string): { readonly value?: unknown; readonly fault?: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

function kindOf(value: unknown): string | undefined {
  const name = (value as { readonly name?: unknown } | null)?.name;
  return typeof name === "string" ? name : undefined;
}

/** The tensors that belong to a manifest, which cannot do without them. */
export function tensorFile(manifest: Manifest): string {
  const found = manifest.beside(".safetensors");
  if (found === undefined) throw new FormatError(manifest.file, `${manifest.stem}.safetensors is not beside it`);
  return found;
}

/** Numbers of a manifest, where NaN and the infinities are written as strings. */
export const numbers = z.array(
  z.union([z.number(), z.enum(["nan", "inf", "-inf"]).transform((text) => SPECIAL[text])]),
);

const SPECIAL = { nan: NaN, inf: Infinity, "-inf": -Infinity } as const;

/** A field that may be null or left out, which mean the same. */
export const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

/** A manifest's largest absolute error, with the format's own where it says nothing. */
export const toleranceOr = (abs: number) => z.looseObject({ abs: z.number().default(abs) }).prefault({});

/** Refuses a folder that is not there, with the words of the command line. */
export function checkDirectory(directory: string): void {
  if (!existsSync(directory)) throw invalid("DIR", "a folder of recorded cases", directory);
}
