// Fills a network from a file, one tensor at a time: beside the network there is never more than the tensor that is being read.
import { FormatError } from "@vid2world/formats";
import { empty, itemSize, noGrad, scope, type DType, type Module, type Tensor } from "@vid2world/torch";

import { entryOf, type CheckpointFile } from "./checkpoint-file.js";

/** How a network is filled. */
export interface FillOptions {
  /** The network was just built, so that its memory is in order: bytes of the same type then go straight into it. Not with `transform`. */
  readonly fresh?: boolean;
  /** Changes a tensor on its way, by our key: what makes a bidirectional kernel causal. The result may be the tensor itself. */
  readonly transform?: (key: string, value: Tensor) => Tensor;
  /** Called after each tensor with the bytes read so far in this call. */
  readonly onProgress?: (bytes: number) => void;
}

/** Copies tensors of `file` into `module`, converting dtype and device. `keys`: our keys to the file's. */
export async function fillModule(
  module: Module,
  file: CheckpointFile,
  keys: ReadonlyMap<string, string>,
  { fresh = false, transform, onProgress }: FillOptions = {},
): Promise<void> {
  let done = 0;
  for (const [ours, target] of module.stateDict()) {
    const key = keys.get(ours);
    if (key === undefined) continue;
    const { shape } = entryOf(file, key);
    const dtype = storedDType(file, key);
    const bytes = await file.read(key);
    noGrad(() =>
      scope(() => {
        if (fresh && target.dtype === dtype && target.device === "cpu") return void target.writeBytes(bytes);
        const value = empty(shape, { dtype }).writeBytes(bytes);
        target.copy_(transform?.(ours, value) ?? value);
      }),
    );
    done += bytes.byteLength;
    onProgress?.(done);
  }
}

/** The element type of a tensor in a file, as one that tensors here have. */
export function storedDType(file: CheckpointFile, key: string): DType {
  const { dtype } = entryOf(file, key);
  if (Object.hasOwn(itemSize, dtype)) return dtype as DType;
  throw new FormatError(file.path, `tensor ${JSON.stringify(key)} has type ${dtype}, which no network here has`);
}
