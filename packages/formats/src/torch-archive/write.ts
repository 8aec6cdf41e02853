// Writes checkpoints that `torch.load` reads (1.13 and 2.x, also with weights_only): a zip of one pickle and storages.
import { writeAtomically } from "../atomic.js";
import { invalid } from "../errors.js";
import { OrderedDict, PickleGlobal, PickleObject, PicklePersistentId, tuple } from "../pickle/values.js";
import { writePickle } from "../pickle/write.js";
import { isTorchDType, torchDTypeFacts, type TorchDType } from "./dtypes.js";
import { zipWriter } from "./zip-writer.js";

/** A tensor's bytes, contiguous and little-endian: now, later, or in pieces, so that none need be held in memory. */
export type TensorBytes = Uint8Array | (() => Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>);

/**
 * A tensor to be written; put it anywhere in the value given to {@link writeTorchArchive}. The same object in two places
 * is one tensor in Python too.
 */
export class TorchTensorInput {
  readonly dtype: TorchDType;
  readonly shape: readonly number[];
  readonly bytes: TensorBytes;

  constructor(dtype: TorchDType, shape: readonly number[], bytes: TensorBytes) {
    if (!isTorchDType(dtype)) throw invalid("dtype", "an element type of torch", dtype);
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) throw invalid("shape", "sizes", shape);
    this.dtype = dtype;
    this.shape = [...shape];
    this.bytes = bytes;
    const { byteLength } = this;
    if (!Number.isSafeInteger(byteLength)) throw invalid("shape", "fewer than 2^53 bytes", shape);
    // Known lengths are checked here; the others when the bytes come.
    if (bytes instanceof Uint8Array && bytes.byteLength !== byteLength) {
      throw invalid("bytes", `${byteLength} bytes for ${dtype} [${shape.join(", ")}]`, bytes);
    }
  }

  /** What `bytes` must give. */
  get byteLength(): number {
    return this.shape.reduce((product, size) => product * size, torchDTypeFacts(this.dtype).size);
  }
}

/** The folder inside the zip. PyTorch takes the file's name, but then equal content would give different bytes. */
const FOLDER = "archive";

/**
 * Writes `value` (plain data, see the pickle writer, with {@link TorchTensorInput}s in it) as a checkpoint: whole, or not
 * at all. Storages are written in the order in which their tensors occur, one piece in memory at a time.
 *
 * @example
 * const weight = new TorchTensorInput("float32", [2, 3], () => readWeight());
 * await writeTorchArchive("model.ckpt", { state_dict: new OrderedDict([["weight", weight]]), global_step: 1000 });
 */
export async function writeTorchArchive(path: string, value: unknown): Promise<void> {
  const tensors: TorchTensorInput[] = [];
  const pickle = writePickle(value, {
    replace: (candidate) => {
      if (!(candidate instanceof TorchTensorInput)) return undefined;
      tensors.push(candidate);
      return rebuildCall(candidate, String(tensors.length - 1));
    },
  });
  await writeAtomically(path, async (file) => {
    const zip = zipWriter(file);
    // PyTorch takes the folder's name from the first entry.
    await zip.add(`${FOLDER}/data.pkl`, pickle.byteLength, [pickle]);
    await addText(`${FOLDER}/byteorder`, "little");
    for (const [i, tensor] of tensors.entries()) {
      await zip.add(`${FOLDER}/data/${i}`, tensor.byteLength, piecesOf(tensor));
    }
    await addText(`${FOLDER}/version`, "3\n");
    await zip.finish();

    async function addText(name: string, text: string): Promise<void> {
      const bytes = new TextEncoder().encode(text);
      await zip.add(name, bytes.byteLength, [bytes]);
    }
  });
}

async function* piecesOf({ bytes }: TorchTensorInput): AsyncGenerator<Uint8Array> {
  const content = typeof bytes === "function" ? await bytes() : bytes;
  if (content instanceof Uint8Array) yield content;
  else yield* content;
}

// One object each, so that a pickle names them once.
const REBUILD_V2 = new PickleGlobal("torch._utils", "_rebuild_tensor_v2");
const REBUILD_V3 = new PickleGlobal("torch._utils", "_rebuild_tensor_v3");
const UNTYPED_STORAGE = new PickleGlobal("torch.storage", "UntypedStorage");
const torchName = new Map<string, PickleGlobal>();

function torchGlobal(name: string): PickleGlobal {
  const known = torchName.get(name) ?? new PickleGlobal("torch", name);
  torchName.set(name, known);
  return known;
}

/** The call by which Python makes the tensor: storage, offset, shape, strides, requires_grad, hooks. */
function rebuildCall(tensor: TorchTensorInput, key: string): PickleObject {
  const { dtype, shape, byteLength } = tensor;
  const { size, storage } = torchDTypeFacts(dtype);
  const type = storage === undefined ? UNTYPED_STORAGE : torchGlobal(storage);
  const count = storage === undefined ? byteLength : byteLength / size;
  const id = new PicklePersistentId(tuple("storage", type, key, "cpu", count));
  const view = [id, 0, tuple(...shape), tuple(...contiguousStrides(shape)), false, new OrderedDict()];
  // Element types without a storage class of their own came with PyTorch 2.1, and with them a third version of the call.
  return storage === undefined
    ? new PickleObject({ callable: REBUILD_V3, args: [...view, torchGlobal(dtype)], how: "call" })
    : new PickleObject({ callable: REBUILD_V2, args: view, how: "call" });
}

function contiguousStrides(shape: readonly number[]): number[] {
  let step = 1;
  return shape.map((_, axis) => {
    if (axis > 0) step *= Math.max(1, shape[shape.length - axis] ?? 1);
    return step;
  }).reverse(); // prettier-ignore
}
