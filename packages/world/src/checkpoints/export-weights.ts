// Writes weights for others to read: safetensors in our names, or a Lightning-style checkpoint in the published code's names, which
// plain `torch.load` reads. Tensors pass through one at a time.
import {
  FormatError,
  invalid,
  safetensorsByteLength,
  writeSafetensors,
  type SafetensorsDType,
} from "@vid2world/formats";
import { OrderedDict } from "@vid2world/formats/pickle/values";
import { safetensorsDTypeOf, type TorchDType } from "@vid2world/formats/torch-archive/dtypes";
import { TorchTensorInput, writeTorchArchive } from "@vid2world/formats/torch-archive/write";
import { empty, isFloating, noGrad, scope } from "@vid2world/torch";

import { noiseSchedule, diffusionSchema, type DiffusionConfig } from "../diffusion/schedule.js";
import { scheduleTables } from "../diffusion/schedule-tables.js";
import { partPrefixes, scheduleKeys, type CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import { countElements, entryOf, type CheckpointFile } from "./checkpoint-file.js";
import { storedDType } from "./fill-module.js";
import { identifyCheckpoint, type CheckpointContent, type IdentifiedPart } from "./identify.js";
import { requireMatch } from "./load-part.js";
import { kindOf } from "./match-part.js";
import { openWeights } from "./open-weights.js";
import { partNames } from "./parts.js";
import { SETTINGS_KEY, type RecordedSettings } from "./recorded-settings.js";

/** What can be written. */
export type ExportFormat = "safetensors" | "lightning";

/** How weights are exported. */
export interface ExportOptions {
  readonly format: ExportFormat;
  readonly out: string;
  /** Type of the weights in the file. Default: as they are. The schedule's tables stay float32. */
  readonly dtype?: "float32" | "float16" | "bfloat16";
  /** The noise schedule, for the tables of a Lightning-style file. Default: the source's, else the published one. */
  readonly diffusion?: DiffusionConfig;
  /** Called after each tensor. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was exported. */
export interface ExportResult {
  readonly out: string;
  readonly tensors: number;
  readonly bytes: number;
  readonly parts: readonly CheckpointPart[];
  /** Tensors of the source that belong to no network (an optimiser's, foreign ones) and were left out. */
  readonly leftOut: number;
  /** What the reader of the file should know. */
  readonly notes: readonly string[];
}

/** One tensor on its way. */
interface Item {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: TorchDType;
  readonly bytes: () => Uint8Array | Promise<Uint8Array>;
}

/** Exports a checkpoint's file, or a world by folder or name. @throws FormatError where a network is incomplete or of unknown form. */
export async function exportWeights(source: string, options: ExportOptions): Promise<ExportResult> {
  await using file = await openWeights(source);
  const content = identifyCheckpoint(file.tensors, file.facts);
  const parts = partNames.flatMap((name) => content.parts[name] ?? []);
  if (parts.length === 0)
    throw new FormatError(source, "holds none of the known networks; `vid2world inspect` tells what it holds");
  for (const part of parts) requireMatch(file, part, part);
  const weights = parts.flatMap((part) => itemsOf(file, part, options));
  const items = options.format === "lightning" ? [...tables(file, content, options), ...weights] : weights;
  const counted = withProgress(items, options.onProgress);
  if (options.format === "lightning") await writeLightning(file, counted, parts, options);
  else await writeOurs(file, counted, parts, options);
  return {
    out: options.out,
    tensors: items.length,
    bytes: items.reduce((sum, { dtype, shape }) => sum + (byteLength(dtype, shape) ?? 0), 0),
    parts: parts.map(({ part }) => part),
    leftOut: content.trainingState.length + content.foreign.length,
    notes: notesOf(file, content, options),
  };
}

/** The tensors of one network under the names of the format. */
function itemsOf(file: CheckpointFile, part: IdentifiedPart, { format, dtype }: ExportOptions): Item[] {
  if (format === "lightning" && part.unknown.includes("causal")) {
    const advice = "export the world's folder, whose world.json does";
    throw new FormatError(
      file.path,
      `does not say whether its U-Net is causal, on which the published names depend; ${advice}`,
    );
  }
  const map = kindOf(part.part).keyMap(part.options);
  return [...part.keys].map(([ours, key]): Item => {
    const { shape } = entryOf(file, key);
    const stored = storedDType(file, key);
    const written = dtype !== undefined && isFloating(stored) ? dtype : stored;
    const read = (): Promise<Uint8Array> => file.read(key);
    const original = map.toOriginal(ours);
    if (original === undefined) throw invalid("part.keys", "keys of the key map", ours);
    return {
      name: format === "lightning" ? partPrefixes[part.part] + original : `${part.part}.${ours}`,
      shape,
      dtype: written,
      bytes:
        stored === written
          ? read
          : async () => {
              const bytes = await read();
              return noGrad(() => scope(() => empty(shape, { dtype: stored }).writeBytes(bytes).to(written).toBytes()));
            },
    };
  });
}

/** The schedule's tables: copied where the source has them, else computed. Only checkpoints with a U-Net have any. */
function tables(file: CheckpointFile, content: CheckpointContent, { diffusion }: ExportOptions): Item[] {
  if (!content.parts.unet) return [];
  const config = diffusion ?? file.facts.diffusion ?? diffusionSchema.parse({});
  const computed = scheduleTables(noiseSchedule(config));
  const dynamic = config.baseScale !== 1 || content.scheduleKeys.includes("scale_arr");
  return scheduleKeys.flatMap((name): Item[] => {
    const stored = diffusion === undefined && content.scheduleKeys.includes(name) ? file.tensors.get(name) : undefined;
    if (stored) return [{ name, shape: stored.shape, dtype: storedDType(file, name), bytes: () => file.read(name) }];
    const values = computed.get(name);
    // The published code registers the rescaling table only where it rescales.
    if (!values || (name === "scale_arr" && !dynamic)) return [];
    return [{ name, shape: [values.length], dtype: "float32", bytes: () => new Uint8Array(values.buffer.slice(0)) }];
  });
}

async function writeLightning(
  file: CheckpointFile,
  items: readonly Item[],
  parts: readonly IdentifiedPart[],
  { out }: ExportOptions,
): Promise<void> {
  const state = items.map(
    ({ name, dtype, shape, bytes }) => [name, new TorchTensorInput(dtype, shape, bytes)] as const,
  );
  await writeTorchArchive(
    out,
    new Map<string, unknown>([
      ["epoch", file.facts.epoch ?? 0],
      ["global_step", file.facts.step ?? 0],
      // The version that the published code was run with: Lightning looks for it when it is asked to resume from a file.
      ["pytorch-lightning_version", file.facts.lightning ?? "1.9.3"],
      ["state_dict", new OrderedDict(state)],
      [SETTINGS_KEY, JSON.stringify(settingsOf(file, parts))],
    ]),
  );
}

async function writeOurs(
  file: CheckpointFile,
  items: readonly Item[],
  parts: readonly IdentifiedPart[],
  { out }: ExportOptions,
): Promise<void> {
  const entries = items.map(({ name, dtype, shape, bytes }) => ({ name, dtype: inSafetensors(dtype), shape, bytes }));
  await writeSafetensors(out, entries, {
    metadata: { format: "pt", [SETTINGS_KEY]: JSON.stringify(settingsOf(file, parts)) },
  });
}

/** What the file says about itself. Guesses stay marked as such, and so survive being exported again. */
function settingsOf(file: CheckpointFile, parts: readonly IdentifiedPart[]): RecordedSettings {
  const { temporalLength, transfer, step, diffusion } = file.facts;
  const guesses = parts.filter((part) => part.unknown.length > 0);
  return {
    format: "vid2world-weights/1",
    parts: Object.fromEntries(parts.map(({ part, options }) => [part, options])),
    ...(guesses.length > 0 && { unknown: Object.fromEntries(guesses.map(({ part, unknown }) => [part, unknown])) }),
    ...(temporalLength !== undefined && { temporalLength }),
    ...(transfer !== undefined && { transfer }),
    ...(step !== undefined && { step }),
    ...(diffusion && { diffusion }),
  };
}

function notesOf({ facts }: CheckpointFile, { parts }: CheckpointContent, options: ExportOptions): string[] {
  const { format, diffusion = facts.diffusion } = options;
  const { unet } = parts;
  if (format !== "lightning" || !unet) return [];
  const { temporalNorm, contextDim } = unet.options;
  const absent = partNames.filter((part) => !parts[part]).map((part) => kindOf(part).title);
  return [
    ...(temporalNorm === "causal"
      ? [
          "its temporal normalisation is causal; the published code normalises over the whole window, so its results will differ",
        ]
      : []),
    ...(diffusion?.imageCondition === "previous-frame"
      ? ["its image condition is the frame before; the published code gives it the window's first frame"]
      : []),
    ...(contextDim === undefined
      ? ["it has no cross attention; the published code would need a class of its own for it"]
      : []),
    ...(absent.length > 0
      ? [`it holds no ${absent.join(", no ")}; the published code loads whole models strictly`]
      : []),
  ];
}

function withProgress(items: readonly Item[], onProgress: ExportOptions["onProgress"]): Item[] {
  let done = 0;
  return items.map((item) => ({
    ...item,
    bytes: async () => {
      const bytes = await item.bytes();
      onProgress?.(++done, items.length);
      return bytes;
    },
  }));
}

const byteLength = (dtype: TorchDType, shape: readonly number[]): number | undefined =>
  safetensorsByteLength(inSafetensors(dtype), shape) ?? countElements({ shape });

function inSafetensors(dtype: TorchDType): SafetensorsDType {
  const name = safetensorsDTypeOf(dtype);
  if (name === undefined) throw invalid("dtype", "an element type that safetensors has", dtype);
  return name;
}
