// CUDA graphs: a trace's work on a CUDA device, recorded once and launched as a whole; and tensors that stay where a graph reads them.
import { invalid } from "@vid2world/formats";
import { has, native } from "./binding.js";
import { _foreachCopy_ } from "./generated/ops.js";
import { keep, scope } from "./scope.js";
import type { Tensor } from "./tensor.js";
import { type Trace, checkGradientsOff, readHandles, writeHandles } from "./trace.js";

/** What a trace does with certain tensors, recorded once and repeated as a whole at the same addresses. */
export interface CapturedRun {
  /** Where each replay leaves its results. The next replay, of any graph, may overwrite them: copy what is to last. */
  readonly outputs: readonly Tensor[];
  /** Repeats it with what the inputs hold now. Only asks the device for it and does not wait. */
  replay(): void;
  /** Frees it with its outputs; the inputs are the caller's. */
  dispose(): void;
}

/** Records what a trace does with `inputs`: every replay reads what they hold by then. The outputs hold nothing before the first. */
export type CaptureRun = (trace: Trace, inputs: readonly Tensor[]) => CapturedRun;

/** True if the addon was built with CUDA graphs; whether there is a device, `cuda.isAvailable()` tells. */
export const hasCudaGraphs = (): boolean => native.hasCudaGraphs();

/**
 * Records a trace's run on the inputs' CUDA device as a graph: its thousands of kernels are launched as one from then on. Takes the time of some
 * runs. The inputs must outlive it, weights must stay where they are, and settings of the thread (autocast) are recorded as they are now.
 * Throws a `TorchError` where the build has no CUDA, inputs lie elsewhere, or a call waits for the device, which names the call.
 *
 * @example
 * const graph = noGrad(() => captureCudaGraph(step, [x]));
 * x.copy_(next);
 * graph.replay();
 * const y = graph.outputs[0].clone();
 */
export const captureCudaGraph: CaptureRun = (trace, inputs) => {
  checkGradientsOff();
  // Kept: the graph writes to its outputs as long as it lives, whatever scope it was made in.
  const graph = native.cudaGraphCapture(trace.native, writeHandles(inputs));
  const outputs = readHandles(trace.outputs).map(keep);
  return {
    outputs,
    replay: () => {
      native.cudaGraphReplay(graph);
    },
    dispose: () => {
      native.cudaGraphRelease(graph);
      for (const output of outputs) output.dispose();
    },
  };
};

/** Copies of many tensors in one call, which on a CUDA device is a few kernels in place of one for each. */
const hasForeachCopy = has("_foreach_copy_");

/** Tensors that stay where they are while what they hold changes: what a graph reads. */
export class FixedTensors {
  readonly tensors: readonly Tensor[];

  /** Copies of `like`, in memory of their own. */
  constructor(like: readonly Tensor[]) {
    this.tensors = scope(() => like.map((tensor) => keep(tensor.clone())));
  }

  /** Copies `values` in, tensors of the same shapes. */
  write(values: readonly Tensor[]): void {
    const { tensors } = this;
    if (values.length !== tensors.length) throw invalid("values", `${tensors.length} tensors`, values.length);
    for (const [i, { shape }] of tensors.entries()) {
      const given = (values[i] as Tensor).shape;
      // A copy would repeat a smaller tensor silently.
      if (given.length !== shape.length || given.some((size, axis) => size !== shape[axis]))
        throw invalid(`values[${i}]`, `the shape ${shape.join("x")}`, given.join("x"));
    }
    if (hasForeachCopy && values.length > 0) _foreachCopy_(tensors, values);
    else for (const [i, tensor] of tensors.entries()) tensor.copy_(values[i] as Tensor);
  }

  /** Frees them. */
  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose();
  }
}
