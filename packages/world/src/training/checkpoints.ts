// Checkpoints of a run: everything that is needed to go on exactly where it stopped, in one safetensors file per checkpoint.
// Random states and the loader's position are not stored: they follow from the seed and the step (see draws.ts).
import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { FormatError, readSafetensorsHeader } from "@vid2world/formats";
import { loadSafetensors, saveSafetensors } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";

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

const fileName = /^step-(\d{8})\.safetensors$/;

/** Writes `folder/step-NNNNNNNN.safetensors` (aside, then renamed) and deletes all but the newest `keep` files. */
export async function saveCheckpoint(
  folder: string,
  parts: RunParts,
  position: RunPosition,
  keep = Infinity,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const tensors = new Map<string, Tensor>();
  for (const [part, stateful] of Object.entries(parts)) {
    for (const [name, tensor] of stateful.stateDict()) tensors.set(`${part}.${name}`, tensor.detach());
  }
  const file = path.join(folder, `step-${String(position.step).padStart(8, "0")}.safetensors`);
  await saveSafetensors(file, tensors, { metadata: { position: JSON.stringify(position) } });
  const files = await listCheckpoints(folder);
  await Promise.all(files.slice(0, Math.max(0, files.length - keep)).map((old) => rm(old)));
  return file;
}

/** Paths of the checkpoints in `folder`, oldest first; empty when there are none. */
export async function listCheckpoints(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => fileName.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}

/** Copies a checkpoint's tensors into `parts` and tells where it stood. Every part must fit exactly. */
export async function loadCheckpoint(file: string, parts: RunParts): Promise<RunPosition> {
  const position = positionOf(file, (await readSafetensorsHeader(file)).metadata["position"]);
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
