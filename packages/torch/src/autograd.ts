// Gradient modes, gradients of chosen inputs, autocast, and activation checkpointing.
import { invalid } from "@vid2world/formats";
import { native, scratch } from "./binding.js";
import { deviceCode, dtypeCode, type DType } from "./dtype.js";
import { scope } from "./scope.js";
import { Tensor } from "./tensor.js";

/** Whether operators record what backward() needs: true but inside of `noGrad` and `inferenceMode`. */
export const isGradEnabled = (): boolean => native.gradModeEnabled();

function withGradMode<R>(enabled: boolean, body: () => R): R {
  const before = native.gradModeEnabled();
  native.setGradMode(enabled);
  try {
    return body();
  } finally {
    native.setGradMode(before);
  }
}

/** Runs `body` without recording operations for backward. */
export const noGrad = <R>(body: () => R): R => withGradMode(false, body);
/** Runs `body` recording operations, also inside noGrad. */
export const enableGrad = <R>(body: () => R): R => withGradMode(true, body);

/** As noGrad, and cheaper still: what is made inside can never take part in a backward. */
export function inferenceMode<R>(body: () => R): R {
  native.enterInference();
  try {
    return body();
  } finally {
    native.leaveInference();
  }
}

/** Options of `grad`. */
export interface GradOptions {
  /** Gradients of the outputs, one for each; needed for outputs that are no scalars. */
  readonly gradOutputs?: readonly (Tensor | undefined)[];
  /** Keeps the graph for another backward. */
  readonly retainGraph?: boolean;
  /** Records the gradients' own computation, for higher derivatives. */
  readonly createGraph?: boolean;
  /** Inputs that the outputs do not depend on give undefined instead of an error. */
  readonly allowUnused?: boolean;
}

/** The gradients of `outputs` (scalars, unless `gradOutputs` is given) with respect to `inputs`; nothing is accumulated in `.grad`. */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): (Tensor | undefined)[] {
  let i = 0;
  for (const output of outputs) scratch[i++] = output.handle;
  for (let k = 0; k < outputs.length; k++) scratch[i++] = options.gradOutputs?.[k]?.handle ?? 0;
  for (const input of inputs) scratch[i++] = input.handle;
  const create = options.createGraph ?? false;
  native.gradients(outputs.length, inputs.length, options.retainGraph ?? create, create, options.allowUnused ?? false);
  const handles = Array.from(scratch.subarray(0, inputs.length));
  return handles.map((handle) => (handle === 0 ? undefined : new Tensor(handle)));
}

/** The gradients of many tensors at once, in one native call. */
export function gradsOf(tensors: readonly Tensor[]): (Tensor | undefined)[] {
  tensors.forEach((tensor, i) => (scratch[i] = tensor.handle));
  native.grads(tensors.length);
  const handles = Array.from(scratch.subarray(0, tensors.length));
  return handles.map((handle) => (handle === 0 ? undefined : new Tensor(handle)));
}

/** Removes the gradients of many tensors at once. */
export function clearGrads(tensors: readonly Tensor[]): void {
  tensors.forEach((tensor, i) => (scratch[i] = tensor.handle));
  native.clearGrads(tensors.length);
}

/** Options of `autocast`. */
export interface AutocastOptions {
  readonly device: "cpu" | "cuda";
  readonly dtype: DType;
  readonly enabled?: boolean;
}

/** Runs `body` with the operators that gain from it (convolutions, matrix products) in `dtype`; the others stay in float32. */
export function autocast<R>(options: AutocastOptions, body: () => R): R {
  const device = options.device === "cpu" ? 0 : 1;
  native.autocastEnter();
  const [enabled, code] = native.setAutocast(device, options.enabled ?? true, dtypeCode(options.dtype));
  try {
    return body();
  } finally {
    native.setAutocast(device, enabled, code);
    native.autocastLeave();
  }
}

/** The autocast setting of a device, as [enabled, dtype code]; read by setting and restoring it. */
function autocastState(device: number): [boolean, number] {
  const state = native.setAutocast(device, false, dtypeCode("bfloat16"));
  native.setAutocast(device, ...state);
  return state;
}

/** What autocast does at present, as text that is equal exactly where operators compute in the same types. */
export const autocastMode = (): string =>
  [0, 1]
    .map(autocastState)
    .map(([enabled, type]) => (enabled ? String(type) : "off"))
    .join(" ");

/**
 * Activation checkpointing (arXiv:1604.06174): evaluates `body(...inputs)` without keeping what its backward needs; the backward evaluates
 * it again, with the same random numbers and the same autocast setting. `body` may use parameters freely, but tensors that carry gradients
 * and change between calls must come in through `inputs`. Returns one tensor.
 */
export function checkpoint(body: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): Tensor {
  if (!native.gradModeEnabled()) return body(...inputs);
  if (inputs.length === 0) throw invalid("inputs", "at least one tensor", inputs.length);
  const device = Math.max(...inputs.map((input) => deviceCode(input.device)), 0);
  const castDevice = device > 0 ? 1 : 0;
  // The default generator of the device that the dropout masks are drawn on.
  const generator = -device;
  const castState = autocastState(castDevice);
  const needed = inputs.map((input) => input.requiresGrad);

  const recompute = (): number[] => {
    const handles = Array.from(scratch.subarray(0, inputs.length + 1));
    return scope(() => {
      const given = handles.map((handle) => new Tensor(handle));
      const before = new Tensor(native.getRandomState(generator));
      native.setRandomState(generator, (given.at(-1) as Tensor).handle);
      native.autocastEnter();
      const cast = native.setAutocast(castDevice, ...castState);
      try {
        const leaves = given.slice(0, -1).map((input, i) => input.requiresGrad_(needed[i] ?? false));
        const again = enableGrad(() => body(...leaves));
        // An input that is returned as it is must not be given up twice.
        const output = leaves.includes(again) ? again.viewAs(again) : again;
        return [output.surrender(), ...leaves.map((leaf, i) => (needed[i] ? leaf.surrender() : 0))];
      } finally {
        native.setAutocast(castDevice, ...cast);
        native.autocastLeave();
        native.setRandomState(generator, before.handle);
      }
    });
  };
  return scope(() => {
    const randomState = new Tensor(native.getRandomState(generator));
    // A detached result shares its memory and can be given a history of its own.
    const output = noGrad(() => body(...inputs)).detach();
    scratch[0] = output.handle;
    inputs.forEach((input, i) => (scratch[1 + i] = input.handle));
    scratch[1 + inputs.length] = randomState.handle;
    native.checkpoint(1, inputs.length, recompute);
    return output;
  });
}

/**
 * Makes every backward run on a helper thread, as it does for CUDA; for tests.
 * @internal
 */
export const backwardOnHelperThread = (always: boolean): void => {
  native.backwardOnHelperThread(always);
};
