// The tensor: a handle into the native table, its metadata, its data, and its lifetime. Operators are added by generated/ops.ts.
import { invalid } from "@vid2world/formats";
import { native, scratch, type TypedArray } from "./binding.js";
import { deviceCode, deviceOfCode, dtypeOfCode, isDType, type Device, type DType } from "./dtype.js";
import { ShapeError } from "./errors.js";
import { releaseOne, track, uncollect } from "./scope.js";

/** "B T C" -> [number, number, number] */
export type Dims<Names extends string> = Names extends `${string} ${infer Rest}` ? [number, ...Dims<Rest>] : [number];

/**
 * An n-dimensional array of libtorch. Freed by the garbage collector at the latest; earlier by the end of its scope, `using`, or dispose().
 * Every operator exists as a method and as a function: required arguments in order, the others in one options object.
 */
export class Tensor {
  /** @internal Index in the native table; 0 once freed. */
  handle: number;
  /** @internal True while the garbage collector's registry knows the tensor: it is outside of every scope. */
  collected = false;
  #shape: readonly number[] | undefined;
  #dtype: DType | undefined;
  #device: Device | undefined;

  /** @internal Adopts a native handle. `scoped: false` leaves its lifetime to the caller. */
  constructor(handle: number, scoped = true) {
    this.handle = handle;
    if (scoped) track(this);
  }

  #readMeta(): void {
    native.meta(this.handle);
    this.#dtype = dtypeOfCode(scratch[0] as number);
    this.#device = deviceOfCode(scratch[1] as number);
    const rank = scratch[2] as number;
    // A loop: Array.from takes longer than the call before it, and a step asks a thousand tensors.
    const shape = new Array<number>(rank);
    for (let axis = 0; axis < rank; axis++) shape[axis] = scratch[3 + axis] as number;
    this.#shape = shape;
  }

  /** Lengths of the axes. */
  get shape(): readonly number[] {
    if (!this.#shape || this.handle === 0) this.#readMeta();
    return this.#shape as readonly number[];
  }
  /** Type of the elements. */
  get dtype(): DType {
    if (!this.#dtype || this.handle === 0) this.#readMeta();
    return this.#dtype as DType;
  }
  /** Where the elements are. */
  get device(): Device {
    if (!this.#device || this.handle === 0) this.#readMeta();
    return this.#device as Device;
  }
  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get numel(): number {
    let count = 1;
    for (const size of this.shape) count *= size;
    return count;
  }
  /** Distances between neighbours along each axis, in elements. */
  get strides(): readonly number[] {
    const { rank } = this;
    native.strides(this.handle);
    return Array.from(scratch.subarray(0, rank));
  }

  /** Length of one axis; negative counts from the last. */
  size(axis: number): number {
    const length = this.shape.at(axis);
    if (length === undefined || axis >= this.rank)
      throw invalid("axis", `between ${String(-this.rank)} and ${String(this.rank - 1)}`, axis);
    return length;
  }

  /**
   * The lengths of all axes, named for the reader and for the error if the rank is another.
   * @example const [b, t, c] = x.dims("B T C");
   */
  dims<const Names extends string>(names: Names): Dims<Names> {
    const expected = names.split(" ");
    if (expected.length !== this.rank) {
      throw new ShapeError(`dims: expected axes ${names}, received ${native.describe(this.handle)}`);
    }
    return [...this.shape] as Dims<Names>;
  }

  /** A whole number for integer and boolean tensors. Throws unless there is exactly one element. Waits for the device. */
  item(): number {
    return Number(native.item(this.handle));
  }

  /** A copy of the elements in row-major order: half types as Float32Array, int64 as BigInt64Array, bool as Uint8Array. */
  toTypedArray(): TypedArray {
    return native.toTypedArray(this.handle, false);
  }
  /** The tensor's own memory, without a copy. It stays valid, and shared, as long as the array is used. Contiguous CPU tensors only. */
  shareTypedArray(): TypedArray {
    return native.toTypedArray(this.handle, true);
  }
  /** The elements as numbers in row-major order. */
  toNumbers(): number[] {
    return Array.from(this.toTypedArray() as Float64Array, Number);
  }
  /** A copy of the raw little-endian bytes, in row-major order. */
  toBytes(): Uint8Array {
    return native.readBytes(this.handle);
  }
  /** Overwrites a contiguous CPU tensor with raw little-endian bytes. */
  writeBytes(bytes: Uint8Array): this {
    native.writeBytes(this.handle, bytes);
    return this;
  }

  /** The same values with another element type or on another device; this tensor itself where nothing changes. */
  to(target: DType | Device): Tensor {
    return isDType(target) ? this.toDtype(target) : this.toDevice(target);
  }
  /** As float32. */
  float(): Tensor {
    return this.to("float32");
  }
  /** As int64. */
  long(): Tensor {
    return this.to("int64");
  }
  /** The same values with another element type; this tensor itself where it has that already. */
  toDtype(dtype: DType): Tensor {
    return dtype === this.dtype ? this : this._toCopy({ dtype });
  }
  /** The same values on another device; this tensor itself where it is there already. */
  toDevice(device: Device): Tensor {
    return deviceCode(device) === deviceCode(this.device) ? this : this._toCopy({ device });
  }

  /** Whether backward() accumulates a gradient here, or passes one on. */
  get requiresGrad(): boolean {
    return native.requiresGrad(this.handle);
  }
  /** Sets `requiresGrad`, on a leaf of the graph. */
  requiresGrad_(flag = true): this {
    native.setRequiresGrad(this.handle, flag);
    return this;
  }
  /** The gradient that backward() has accumulated, a new tensor object at each call. */
  get grad(): Tensor | undefined {
    const handle = native.getGrad(this.handle);
    return handle === 0 ? undefined : new Tensor(handle);
  }
  set grad(gradient: Tensor | undefined) {
    native.setGrad(this.handle, optionalHandle(gradient));
  }
  /** Accumulates the gradients of this tensor (a scalar, unless `gradient` is given) in the leaves of its graph. */
  backward(options: { readonly gradient?: Tensor; readonly retainGraph?: boolean } = {}): void {
    scratch[0] = this.handle;
    scratch[1] = optionalHandle(options.gradient);
    native.backward(1, options.retainGraph ?? false);
  }

  /** Takes over the memory, dtype and device of another tensor, keeping identity: what Module.to needs. */
  setData_(source: Tensor): this {
    native.setData(this.handle, source.handle);
    this.#shape = undefined;
    this.#dtype = undefined;
    this.#device = undefined;
    return this;
  }

  /** Frees the tensor now. Using it afterwards throws a DisposedTensorError; freeing it again does nothing. */
  dispose(): void {
    if (this.handle === 0) return;
    releaseOne(this.surrender());
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  /** Whether it was freed. */
  get disposed(): boolean {
    return this.handle === 0;
  }
  /**
   * Gives the handle to a new owner.
   * @internal
   */
  surrender(): number {
    const { handle } = this;
    if (this.collected) uncollect(this);
    this.handle = 0;
    return handle;
  }

  toString(): string {
    return this.handle === 0 ? "Tensor (freed)" : native.describe(this.handle);
  }
}

/** 0 stands for "no tensor" on the native side; -1 for a freed one, which must not pass for that. */
function optionalHandle(tensor: Tensor | undefined): number {
  return tensor === undefined ? 0 : tensor.handle || -1;
}
