// Opens PyTorch checkpoints of every age lazily: structure now, bytes when asked for, and no code of the file ever.
import { open } from "node:fs/promises";

import { FormatError, invalid } from "../errors.js";
import { torchDTypeFacts } from "./dtypes.js";
import { allocate, fileBytes, type FileBytes } from "./file-bytes.js";
import { gather, swapBytes } from "./gather.js";
import { readLegacyContainer } from "./legacy-container.js";
import { RECOGNIZED_BYTES, recognizeContainer } from "./recognize.js";
import { elementSpan, isContiguous, type TorchStorageRecord, type TorchTensorRecord } from "./records.js";
import { findStateDict, tensorsBelow, type StateDict } from "./state-dict.js";
import { readZipContainer, type ContainerContent } from "./zip-container.js";

/** An open checkpoint. Close it, or hold it with `await using`. */
export interface TorchArchive extends AsyncDisposable {
  readonly path: string;
  /** `zip`: PyTorch 1.6 and later. `legacy`: before. */
  readonly container: "zip" | "legacy";
  /**
   * What was saved: dicts are Maps, lists arrays, tensors {@link TorchTensorRecord}s, objects of unknown classes
   * `PickleObject`s (see the pickle reader).
   */
  readonly root: unknown;
  /** Every storage that a tensor lies in, by its key. */
  readonly storages: ReadonlyMap<string, TorchStorageRecord>;
  /** Every tensor below a key of `root`, or below `root` itself: see `tensorsBelow`. */
  tensors(under?: string | null): Map<string, TorchTensorRecord>;
  /** The model's tensors, wherever this kind of checkpoint keeps them: see `findStateDict`. */
  stateDict(): StateDict;
  /**
   * The bytes of one tensor, contiguous and little-endian whatever the file's order, read from the disk now, in a
   * buffer of their own (`new Float32Array(bytes.buffer)` is right). Its storage's checksum is verified on first use.
   */
  read(tensor: TorchTensorRecord): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** A small file may describe a huge tensor by repeating elements (stride 0). Beyond this, that is refused. */
const LARGEST_EXPANDED = 2 ** 28;

/**
 * Opens a checkpoint, reads its structure, and checks that every tensor lies inside a storage that is there. The
 * storages' bytes stay on the disk.
 *
 * @example
 * await using checkpoint = await openTorchArchive("model.ckpt");
 * for (const [name, tensor] of checkpoint.stateDict().tensors) use(name, tensor, await checkpoint.read(tensor));
 * @throws FormatError for anything that is not a whole, sound checkpoint.
 */
export async function openTorchArchive(path: string): Promise<TorchArchive> {
  const handle = await open(path, "r");
  try {
    const file = await fileBytes(handle, path);
    const head = await file.read(0, Math.min(RECOGNIZED_BYTES, file.size), "the beginning");
    const container = recognizeContainer(head, path);
    const content = await (container === "zip" ? readZipContainer(file) : readLegacyContainer(file));
    const { root, storages } = content;
    const close = (): Promise<void> => handle.close();
    return {
      path,
      container,
      root,
      storages,
      tensors: (under = null) => tensorsBelow(root, under, path),
      stateDict: () => findStateDict(root, path),
      read: (tensor) => readTensor(file, content, tensor),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readTensor(
  file: FileBytes,
  { source, storages, isLittleEndian }: ContainerContent,
  tensor: TorchTensorRecord,
): Promise<Uint8Array<ArrayBuffer>> {
  const { storage, byteLength, dtype } = tensor;
  if (storages.get(storage.key) !== storage) throw invalid("tensor", `a tensor of ${file.path}`, tensor);
  if (byteLength === 0) return new Uint8Array(0);
  if (byteLength > Math.max(LARGEST_EXPANDED, storage.byteLength)) {
    const message = `tensor ${tensor.toString()} repeats ${storage.byteLength} bytes until they fill ${byteLength}; refused`;
    throw new FormatError(file.path, message);
  }
  const { size, unit } = torchDTypeFacts(dtype);
  const { begin, end } = elementSpan(tensor);
  const span = await source.read(storage, begin * size, (end - begin) * size);
  // Swapping before gathering also swaps what lies between the elements, harmlessly: the span is ours.
  if (!isLittleEndian) swapBytes(span, unit);
  if (isContiguous(tensor)) return span;
  const bytes = allocate(byteLength, file.path, `tensor ${tensor.toString()}`);
  gather(span, bytes, { ...tensor, offset: 0 }, size);
  return bytes;
}
