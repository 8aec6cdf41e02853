// Traces: the operator calls of one evaluation, made again without JavaScript. A call from JavaScript costs a few microseconds beside the
// operator itself; an evaluation of some thousand small operators is faster by that much.
import { invalid } from "@vid2world/formats";
import { native, scratch } from "./binding.js";
import { isGradEnabled } from "./autograd.js";
import { Tensor } from "./tensor.js";

/** An operator call of a trace, for whoever counts what an evaluation costs. */
export interface TracedCall {
  /** `conv2d`, or with its overload `add.Tensor`. */
  readonly operator: string;
  /** Shapes of the tensors among its arguments, in order. */
  readonly arguments: readonly (readonly number[])[];
  readonly results: readonly (readonly number[])[];
}

/**
 * What an evaluation did with its inputs. Shapes, numbers and branches that JavaScript decided on are fixed: a trace is right for inputs of
 * the shapes that it was made with. Tensors that were neither given nor made inside (weights) are kept, and read anew at every run.
 */
export class Trace {
  /** @internal */
  readonly native: unknown;
  /** Number of tensors that a run gives. */
  readonly outputs: number;

  /** @internal */
  constructor(native: unknown, outputs: number) {
    this.native = native;
    this.outputs = outputs;
  }

  /** The same calls on other inputs. Nothing is recorded for `backward`, so run it where gradients are off. */
  run(inputs: readonly Tensor[]): Tensor[] {
    checkGradientsOff();
    native.traceRun(this.native, writeHandles(inputs));
    return readHandles(this.outputs);
  }

  /**
   * The same on a thread beside JavaScript's, which goes on meanwhile. The inputs may be disposed of at once; the outputs belong to no scope.
   * Rejects with `OutOfMemoryError` where memory runs out.
   */
  async runAside(inputs: readonly Tensor[]): Promise<Tensor[]> {
    checkGradientsOff();
    const handles = await native.traceRunAside(this.native, writeHandles(inputs));
    return handles.map((handle) => new Tensor(handle));
  }

  /** Its calls in order. */
  calls(): TracedCall[] {
    return native
      .traceSteps(this.native)
      .map(([operator, given, results]) => ({ operator, arguments: given, results }));
  }
}

/** Weights in the order in which kernels read them, for the frozen traces of one network; freed with the last of these. */
export class WeightLayouts {
  /** @internal */
  readonly native: unknown = native.weightLayouts();
}

/**
 * Evaluates `body()` once and writes its operator calls down. `inputs` are the tensors that will differ between runs, all of them different
 * ones; `body` must not read values of tensors (`item`) nor draw random numbers that are to differ. Returns the outputs of this evaluation too.
 *
 * With `layouts` the trace is frozen: tensors that were neither given nor made inside must not change any more. What is computed of them alone is
 * computed once, and float32 convolutions on the CPU get their weights laid out for the kernel. Its runs differ from `body` by rounding, so the
 * outputs returned are those of a run.
 *
 * @example const { trace: step } = noGrad(() => trace([x], () => [model.forward(x)])); const [y] = noGrad(() => step.run([other]));
 */
export function trace(
  inputs: readonly Tensor[],
  body: () => readonly Tensor[],
  { layouts }: { readonly layouts?: WeightLayouts } = {},
): { readonly trace: Trace; readonly outputs: readonly Tensor[] } {
  checkGradientsOff();
  native.traceBegin(writeHandles(inputs));
  try {
    const outputs = body();
    const made = new Trace(native.traceEnd(writeHandles(outputs), layouts?.native), outputs.length);
    return { trace: made, outputs: layouts ? made.run(inputs) : outputs };
  } finally {
    native.traceCancel();
  }
}

/** @internal Puts tensors where native functions take them from. -> how many */
export function writeHandles(tensors: readonly Tensor[]): number {
  if (tensors.length > scratch.length) throw invalid("tensors", `at most ${scratch.length}`, tensors.length);
  tensors.forEach((tensor, i) => (scratch[i] = tensor.handle === 0 ? -1 : tensor.handle));
  return tensors.length;
}

/** @internal The tensors that a native function gave. */
export const readHandles = (count: number): Tensor[] =>
  Array.from(scratch.subarray(0, count), (handle) => new Tensor(handle));

/** @internal Throws where gradients are on. */
export function checkGradientsOff(): void {
  if (isGradEnabled()) throw invalid("gradients", "off (noGrad), as a trace has none", "on");
}
