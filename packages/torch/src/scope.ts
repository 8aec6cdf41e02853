// Scopes: free every tensor made inside at their end, but what is kept or returned.
//
// The garbage collector always frees in the end, a scope frees early, `using` frees one tensor, `keep` moves one out of all scopes, and a
// scope never spans an await.
import { native, scratch } from "./binding.js";
import { TorchError } from "./errors.js";
import type { Tensor } from "./tensor.js";

/** Frees the native side of tensors that became unreachable. Only tensors outside of every scope are registered: it costs 0.7 us. */
const collector = new FinalizationRegistry<number>((handle) => {
  releaseOne(handle);
});

let current: Tensor[] | undefined;

/** Frees handles in as few calls as possible. */
export function release(handles: readonly number[]): void {
  for (let start = 0; start < handles.length; start += scratch.length) {
    const count = Math.min(scratch.length, handles.length - start);
    for (let i = 0; i < count; i++) scratch[i] = handles[start + i] as number;
    native.free(count);
  }
}

/** Frees one handle. */
export function releaseOne(handle: number): void {
  scratch[0] = handle;
  native.free(1);
}

/** Puts a new tensor under the innermost scope, or under the garbage collector. For Tensor's constructor. */
export function track(tensor: Tensor): void {
  if (current) current.push(tensor);
  else collect(tensor);
}

/** Puts a tensor under the garbage collector. */
export function collect(tensor: Tensor): void {
  tensor.collected = true;
  native.setCollected(tensor.handle, true);
  collector.register(tensor, tensor.handle, tensor);
}

/** Takes a tensor away from the garbage collector. */
export function uncollect(tensor: Tensor): void {
  tensor.collected = false;
  native.setCollected(tensor.handle, false);
  collector.unregister(tensor);
}

/** Moves a tensor out of all scopes: it lives until dispose() or until nothing refers to it. Returns it. */
export function keep<T extends Tensor>(tensor: T): T {
  if (!tensor.collected && tensor.handle !== 0) collect(tensor);
  return tensor;
}

type Result = Tensor | undefined | null | number | string | boolean | bigint | object | void;

/** The tensors in a value: itself, or in arrays, maps and plain records, to any depth. */
function* tensorsIn(value: unknown): Generator<Tensor> {
  if (typeof value !== "object" || value === null) return;
  if (isTensor(value)) yield value;
  else if (Array.isArray(value) || value instanceof Map || value instanceof Set) {
    for (const item of value.values()) yield* tensorsIn(item);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) yield* tensorsIn(item);
  }
}

// tensor.ts imports this file, so the class is known here by a mark only.
const isTensor = (value: object): value is Tensor => "handle" in value && "collected" in value;

/**
 * Runs `body`; every tensor made inside is freed at the end, but those in what it returns (alone or in arrays, maps and plain records),
 * which move to the scope around, and those given to `keep`. Throws a TorchError if `body` returns a promise.
 *
 * @example const loss = scope(() => model.forward(x).sub(target).square().mean());
 */
export function scope<R extends Result>(body: () => R): R {
  const outer = current;
  const own: Tensor[] = [];
  current = own;
  let result: R;
  try {
    result = body();
  } catch (error) {
    current = outer;
    freeAll(own);
    throw error;
  }
  current = outer;
  if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
    freeAll(own);
    throw new TorchError(
      "scope: its body returned a promise; a scope cannot span an await, free with `using` or dispose() there",
    );
  }
  // The usual case, without a set: a scope around a small layer must cost less than one of its operators.
  if (typeof result === "object" && result !== null && isTensor(result)) {
    if (!result.collected && result.handle !== 0 && own.includes(result)) track(result);
    freeAll(own, result);
    return result;
  }
  const survivors = new Set(tensorsIn(result));
  if (survivors.size > 0) {
    const dead = own.filter((tensor) => !survivors.has(tensor));
    for (const tensor of own) if (survivors.has(tensor) && !tensor.collected && tensor.handle !== 0) track(tensor);
    freeAll(dead);
  } else freeAll(own);
  return result;
}

/**
 * Runs `x` through `steps` one after the other and frees every tensor between two steps as soon as the next is there: what a scope around
 * them would hold to its end. `x` itself stays; a step must not keep what it was given.
 */
export function sequential(x: Tensor, steps: Iterable<(x: Tensor) => Tensor>): Tensor {
  let current = x;
  for (const step of steps) {
    const input = current;
    current = scope(() => step(input));
    if (input !== x && input !== current) input.dispose();
  }
  return current;
}

function freeAll(tensors: readonly Tensor[], survivor?: Tensor): void {
  const handles: number[] = [];
  for (const tensor of tensors) {
    if (tensor === survivor || tensor.collected || tensor.handle === 0) continue;
    handles.push(tensor.handle);
    tensor.handle = 0;
  }
  release(handles);
}

/** Number of tensors that JavaScript holds natively; equal before and after a step that leaks nothing. */
export const liveTensors = (): number => native.liveTensors();
/** Bytes of CPU memory held by them (views are not counted twice). */
export const liveBytes = (): number => native.liveBytes();
