// Opens any file of weights that is known here, by what its first bytes say it is.
import { open } from "node:fs/promises";

import { FormatError } from "@vid2world/formats";

import type { CheckpointFile } from "./checkpoint-file.js";
import { openSafetensorsCheckpoint } from "./safetensors-checkpoint.js";
import { openTorchCheckpoint } from "./torch-checkpoint.js";

/**
 * Opens a safetensors file or a PyTorch checkpoint (zip or legacy; bare, Lightning or DeepSpeed). Tensors stay on the disk until they
 * are read, and nothing in the file is ever run.
 *
 * @example
 * await using file = await openCheckpoint("model.ckpt");
 * console.log(file.facts.step, file.tensors.size);
 * @throws FormatError for a file that is damaged, or none of these.
 */
export async function openCheckpoint(path: string): Promise<CheckpointFile> {
  const start = await firstBytes(path);
  if (start.length === 0) throw new FormatError(path, "is empty; fetch the file again");
  const isSafetensors = looksLikeSafetensors(start) || (/\.safetensors$/i.test(path) && !isTorch(start));
  return isSafetensors ? openSafetensorsCheckpoint(path) : openTorchCheckpoint(path);
}

const HEAD = 9;

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const bytes = new Uint8Array(HEAD);
    const { bytesRead } = await file.read(bytes, 0, HEAD, 0);
    return bytes.subarray(0, bytesRead);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "EISDIR") throw cause;
    throw new FormatError(
      path,
      "is a folder without world.json; give a file of weights, or a world's folder",
      undefined,
      { cause },
    );
  } finally {
    await file.close();
  }
}

/** A zip archive, or a pickle of protocol 2 to 5. */
const isTorch = ([first = 0, second = 0]: Uint8Array): boolean =>
  (first === 0x50 && second === 0x4b) || (first === 0x80 && second >= 2 && second <= 5);

/** The header's length, below 2^32, then "{". No pickle and no zip archive begins so. */
const looksLikeSafetensors = (start: Uint8Array): boolean =>
  start[8] === 0x7b && start[4] === 0 && start[5] === 0 && start[6] === 0 && start[7] === 0;
