// A file of weights, whoever wrote it: its tensors by name, shape and type without reading them, and what it says about itself.
import { FormatError, invalid } from "@vid2world/formats";

import type { DiffusionConfig } from "../diffusion/schedule.js";
import type { CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import type { PartOptions } from "./parts.js";

/** One tensor of a checkpoint. */
export interface CheckpointEntry {
  /** Element type by PyTorch's name: `float32`, `bfloat16`, `int16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** What a checkpoint says about its origin. Absent: it does not say. */
export interface CheckpointFacts {
  readonly step?: number;
  readonly epoch?: number;
  /** Version of PyTorch Lightning that wrote it. */
  readonly lightning?: string;
  /** Whether it holds an optimiser's state too. */
  readonly optimizer: boolean;
  /** Frames of a training window. */
  readonly temporalLength?: number;
  /** How the temporal kernels were made causal before training. */
  readonly transfer?: string;
  /** Options of its networks, as far as it states them. */
  readonly options?: Partial<PartOptions>;
  /** Which of these options it does not know: they are guesses. */
  readonly unknown?: Readonly<Partial<Record<CheckpointPart, readonly string[]>>>;
  /** The noise schedule that it was trained with. */
  readonly diffusion?: DiffusionConfig;
  /** Names of classes whose objects the file holds; none was looked up or called. */
  readonly foreignClasses: readonly string[];
  /** Text beside the tensors (safetensors metadata, or ours in a Lightning file). */
  readonly metadata: Readonly<Record<string, string>>;
}

/** An open checkpoint. Close it, or hold it with `await using`. */
export interface CheckpointFile extends AsyncDisposable {
  readonly path: string;
  /** The files that it consists of, where that is not `path` alone. */
  readonly files?: readonly string[];
  /** How the bytes are packed. */
  readonly container: "safetensors" | "PyTorch zip archive" | "PyTorch legacy file" | "world folder";
  /** Which program's habits it follows: a bare dictionary of tensors, Lightning's `state_dict`, or DeepSpeed's `module`. */
  readonly layout: "plain" | "lightning" | "deepspeed";
  /** In file order; wrappers' prefixes (`_forward_module.`, `module.`) are cut off. */
  readonly tensors: ReadonlyMap<string, CheckpointEntry>;
  readonly facts: CheckpointFacts;
  /** The bytes of one tensor, contiguous and little-endian. They may lie in a buffer that the next read overwrites. */
  read(key: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Elements of a tensor. */
export const countElements = ({ shape }: Pick<CheckpointEntry, "shape">): number =>
  shape.reduce((product, length) => product * length, 1);

/** The entry of a key; an unknown one is the caller's mistake. */
export function entryOf(file: CheckpointFile, key: string): CheckpointEntry {
  const entry = file.tensors.get(key);
  if (!entry) throw invalid("key", `one of the ${file.tensors.size} tensors of ${file.path}`, key);
  return entry;
}

/** Refuses a checkpoint in which nothing was found. */
export function requireTensors(file: CheckpointFile): CheckpointFile {
  if (file.tensors.size > 0) return file;
  throw new FormatError(file.path, "holds no tensors; give a file of weights");
}

/** `key` without the prefix that every key has because the model was wrapped for distributed training. */
export function unwrapKeys(keys: Iterable<string>): (key: string) => string {
  const all = [...keys];
  const prefix = ["_forward_module.module.", "_forward_module.", "module."].find(
    (candidate) => all.length > 0 && all.every((key) => key.startsWith(candidate)),
  );
  return prefix === undefined ? (key) => key : (key) => key.slice(prefix.length);
}
