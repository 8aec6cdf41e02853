// What is in the weights folder: for `weights list` by names and sizes, for `weights verify` by reading every byte.
import { stat } from "node:fs/promises";

import { sha256Of } from "./checksum.js";
import type { WeightFile } from "./manifest.js";
import { PARTIAL_ENDING } from "./partial-file.js";
import { readReceipt } from "./receipt.js";
import { weightPath, weightsRoot } from "./root.js";

/** A file of the manifest on this machine, at a glance. */
export interface WeightStatus {
  readonly file: WeightFile;
  readonly path: string;
  readonly state: "there" | "partial" | "missing" | "wrong size";
  /** Bytes that are there. */
  readonly bytes: number;
}

/** Looks without reading. */
export async function weightStatus(file: WeightFile, root: string = weightsRoot()): Promise<WeightStatus> {
  const path = weightPath(file, root);
  const size = await sizeOf(path);
  if (size !== undefined) {
    const fits = file.size === undefined || file.size === size;
    return { file, path, state: fits ? "there" : "wrong size", bytes: size };
  }
  const part = await sizeOf(path + PARTIAL_ENDING);
  return { file, path, state: part === undefined ? "missing" : "partial", bytes: part ?? 0 };
}

/** The result of reading a file. */
export interface Verification extends Omit<WeightStatus, "state"> {
  /** `unknown`: whole as far as can be told, but nothing states what its checksum should be. */
  readonly state: "good" | "unknown" | "wrong" | "missing";
  readonly sha256?: string;
  /** What it was compared with: the manifest's checksum, or that of the day when it was pulled. */
  readonly against?: "manifest" | "receipt";
  readonly expected?: string;
}

/** Reads a file and compares its checksum. `onBytes` hears how many bytes were read since the last call. */
export async function verifyWeights(
  file: WeightFile,
  {
    root = weightsRoot(),
    onBytes,
    signal,
  }: { root?: string; onBytes?: (count: number) => void; signal?: AbortSignal } = {},
): Promise<Verification> {
  const { state, ...status } = await weightStatus(file, root);
  if (state === "missing" || state === "partial") return { ...status, state: "missing" };
  const receipt = await readReceipt(status.path);
  const expected = file.sha256 ?? receipt?.sha256;
  const sha256 = await sha256Of(status.path, onBytes, signal);
  if (expected === undefined) return { ...status, state: state === "there" ? "unknown" : "wrong", sha256 };
  const against = file.sha256 !== undefined ? "manifest" : "receipt";
  return { ...status, state: sha256 === expected ? "good" : "wrong", sha256, against, expected };
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
