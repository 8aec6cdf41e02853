// Checkpoints of a run: everything that is needed to go on exactly where it stopped, in one safetensors file per checkpoint.
// Random states and the loader's position are not stored: they follow from the seed and the step (see draws.ts).
import { readdir } from "node:fs/promises";
import path from "node:path";
import { FormatError, readSafetensorsHeader } from "@vid2world/formats";
import { loadSafetensors, snapshotTensors } from "@vid2world/torch";
import type { Tensor, TensorSnapshot } from "@vid2world/torch";

/** Anything with a state that can be stored: a module, an optimiser, a moving average. */
export interface Stateful {
  stateDict(): Map<string, Tensor>;
  /** Throws an error that names every key that does not fit. */
  loadStateDict(state: ReadonlyMap<string, Tensor>): unknown;
}

/** Where a run stands, besides its tensors. */
export interface RunPosition {
  /** Optimiser steps done. */
  readonly step: number;
  /** Wall-clock minutes of training done. */
  readonly minutes: number;
  /** The seed that all random draws follow from. */
  readonly seed: number;
  /** Micro batches of each step, over all ranks; absent in checkpoints of versions that knew one rank only. */
  readonly microBatches?: number | undefined;
}

/** The stored parts of a run; each name becomes a prefix of tensor names, so it must not contain a dot. */
export type RunParts = Readonly<Record<string, Stateful>>;

/** A copy of a run's state in the memory of the host: the run may go on while it is written. */
export interface Snapshot {
  readonly entries: readonly TensorSnapshot[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a checkpoint's header tells. */
export interface CheckpointFacts {
  readonly position: RunPosition;
  /** The configuration that it was trained with, as JSON; absent where the run was given none. */
  readonly config?: string | undefined;
}

/** Copies the state of `parts`. */
export function takeSnapshot(parts: RunParts, { position, config }: CheckpointFacts): Snapshot {
  const tensors = new Map<string, Tensor>();
  for (const [part, stateful] of Object.entries(parts)) {
    for (const [name, tensor] of stateful.stateDict()) tensors.set(`${part}.${name}`, tensor);
  }
  const metadata = { position: JSON.stringify(position), ...(config !== undefined && { config }) };
  return { entries: snapshotTensors(tensors), metadata };
}

const FILE_NAME = /^step-(\d{8})\.safetensors$/;

/** The file of a step's checkpoint: `folder/step-NNNNNNNN.safetensors`. */
export function checkpointFile(folder: string, step: number): string {
  return path.join(folder, `step-${String(step).padStart(8, "0")}.safetensors`);
}

/** The step of a checkpoint, by its file's name. */
export function stepOf(file: string): number {
  return Number(FILE_NAME.exec(path.basename(file))?.[1]);
}

/** Paths of the checkpoints in `folder`, oldest first; empty when there are none. */
export async function listCheckpoints(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => FILE_NAME.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}

/** Reads where a checkpoint stands, and nothing else of it. */
export async function readCheckpointFacts(file: string): Promise<CheckpointFacts> {
  const { position, config } = (await readSafetensorsHeader(file)).metadata;
  return { position: positionOf(file, position), config };
}

/** Copies a checkpoint's tensors into `parts` and tells where it stood. Every part must fit exactly. */
export async function loadCheckpoint(file: string, parts: RunParts): Promise<RunPosition> {
  const { position } = await readCheckpointFacts(file);
  const tensors = await loadSafetensors(file);
  try {
    const known = new Set(Object.keys(parts));
    const strange = [...tensors.keys()].find((name) => !known.has(name.slice(0, name.indexOf("."))));
    if (strange !== undefined) throw new FormatError(file, `holds "${strange}", which this run has no part for`);
    for (const [part, stateful] of Object.entries(parts)) {
      const prefix = `${part}.`;
      const own = [...tensors].filter(([name]) => name.startsWith(prefix));
      try {
        stateful.loadStateDict(new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor])));
      } catch (cause) {
        const advice = "resume with the configuration in the run's folder, or give another folder";
        throw new FormatError(file, `${part}: ${(cause as Error).message}\n  ${advice}`, undefined, { cause });
      }
    }
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
  return position;
}

function positionOf(file: string, text: string | undefined): RunPosition {
  try {
    const { step, minutes, seed, microBatches } = JSON.parse(text ?? "{}") as Partial<RunPosition>;
    if (step !== undefined && minutes !== undefined && seed !== undefined) return { step, minutes, seed, microBatches };
  } catch {
    // falls through: no JSON is no position either
  }
  throw new FormatError(
    file,
    "is no checkpoint of a training run: its metadata has no position; remove it, or give another folder",
  );
}
