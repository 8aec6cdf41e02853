// The report of `vid2world inspect`: everything that can be said of a file of weights without reading them.
import { stat } from "node:fs/promises";

import type { CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import { countElements, type CheckpointFacts, type CheckpointFile } from "./checkpoint-file.js";
import { identifyCheckpoint, type CheckpointContent } from "./identify.js";
import type { MisshapenTensor } from "./match-part.js";
import { nameModel, type ModelName } from "./model-name.js";
import { openWeights } from "./open-weights.js";
import { partNames } from "./parts.js";

/** One network in the report. */
export interface PartReport {
  readonly part: CheckpointPart;
  /** Whose names its keys have: those of the published code, or ours. */
  readonly naming: "original" | "ours";
  readonly prefix: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** Options that the file does not tell. */
  readonly unknown: readonly string[];
  readonly missing: readonly string[];
  readonly misshapen: readonly MisshapenTensor[];
}

/** Everything that is known about a file of weights. Plain data: it prints as JSON. */
export interface CheckpointReport {
  readonly file: string;
  readonly bytes: number;
  readonly container: CheckpointFile["container"];
  readonly layout: CheckpointFile["layout"];
  readonly model: ModelName;
  readonly facts: CheckpointFacts;
  readonly tensors: number;
  readonly parameters: number;
  readonly precision: Readonly<Record<string, { readonly tensors: number; readonly elements: number }>>;
  readonly parts: readonly PartReport[];
  readonly fpsSpelling?: string;
  readonly scheduleKeys: readonly string[];
  readonly trainingState: readonly string[];
  readonly foreign: readonly string[];
  /** Every tensor, where asked for. */
  readonly keys?: Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>;
  /** Whether every tensor was read, and so its checksum verified. */
  readonly checked: boolean;
}

/** How a file is inspected. */
export interface InspectOptions {
  /** List every tensor. */
  readonly keys?: boolean;
  /** Read every tensor once, so that damage to the data is found too. Default: for files of up to 256 MiB. */
  readonly check?: boolean;
}

/** Files up to this size are read whole, because that takes no time; larger ones when asked for. */
const SMALL_FILE = 2 ** 28;

/** Inspects a file of weights or a world's folder. @throws FormatError for what is damaged, hostile, or no such file. */
export async function inspectCheckpoint(path: string, options: InspectOptions = {}): Promise<CheckpointReport> {
  await using file = await openWeights(path);
  const content = identifyCheckpoint(file.tensors, file.facts);
  const bytes = await sizeOf(file);
  const checked = options.check ?? bytes <= SMALL_FILE;
  if (checked) for (const key of file.tensors.keys()) await file.read(key);
  const entries = [...file.tensors];
  return {
    file: path,
    bytes,
    container: file.container,
    layout: file.layout,
    model: nameModel(content, file.facts),
    facts: file.facts,
    tensors: entries.length,
    parameters: entries.reduce((sum, [, entry]) => sum + countElements(entry), 0),
    precision: Object.fromEntries(content.precision),
    parts: partReports(content),
    ...(content.fpsSpelling !== undefined && { fpsSpelling: content.fpsSpelling }),
    scheduleKeys: content.scheduleKeys,
    trainingState: content.trainingState,
    foreign: content.foreign,
    ...(options.keys === true && {
      keys: Object.fromEntries(entries.map(([key, { dtype, shape }]) => [key, [dtype, shape] as const])),
    }),
    checked,
  };
}

function partReports({ parts }: CheckpointContent): PartReport[] {
  return partNames.flatMap((name): PartReport[] => {
    const found = parts[name];
    if (!found) return [];
    const { part, naming, prefix, parameters, unknown, missing, misshapen } = found;
    const options = found.options as Readonly<Record<string, unknown>>;
    return [{ part, naming, prefix, tensors: found.keys.size, parameters, options, unknown, missing, misshapen }];
  });
}

/** Of a world's folder: that of its files of weights together. */
async function sizeOf(file: CheckpointFile): Promise<number> {
  const sizes = await Promise.all((file.files ?? [file.path]).map(async (path) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
