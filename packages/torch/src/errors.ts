// The errors of the tensor library.

/** Something that libtorch refused; the message names the operator and the tensors it was given. */
export class TorchError extends Error {
  override name = "TorchError";
}

/** A tensor was used after it was freed. */
export class DisposedTensorError extends TorchError {
  override name = "DisposedTensorError";
}

/** Memory of the device or the machine is exhausted. */
export class OutOfMemoryError extends TorchError {
  override name = "OutOfMemoryError";
}

/** A process group could not be joined or has broken; `ranks` are those that are to blame, as far as that is known. */
export class ProcessGroupError extends TorchError {
  override name = "ProcessGroupError";
  readonly ranks: readonly number[];
  constructor(message: string, ranks: readonly number[] = [], cause?: unknown) {
    super(message, { cause });
    this.ranks = ranks;
  }
}

/** A tensor does not have the shape that is wanted. */
export class ShapeError extends TorchError {
  override name = "ShapeError";
}

/** A tensor of a state whose shape is not that of the module's. */
export interface ShapeMismatch {
  readonly key: string;
  readonly found: readonly number[];
  readonly expected: readonly number[];
}

/** Every difference between a state and a module. */
export interface CheckpointMismatch {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly shapes: readonly ShapeMismatch[];
}

/** A state does not fit a module; lists every key that is wrong. */
export class CheckpointMismatchError extends TorchError {
  override name = "CheckpointMismatchError";
  readonly facts: CheckpointMismatch;
  constructor(message: string, facts: CheckpointMismatch) {
    super(message);
    this.facts = facts;
  }
}
