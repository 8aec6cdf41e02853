// Frame-incremental evaluation of the causal U-Net: the past is evaluated once, a new frame costs one frame.
// Axes: B rollouts, R branches (with and without guidance) that share a past, T frames, C channels.
import { captureCudaGraph, hasCudaGraphs, keep, noGrad, type CaptureRun, type Tensor } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

import { layOutWeights } from "../weight-layout.js";
import { StreamTraces, type Evaluated, type Evaluation } from "./stream-traces.js";
import { TimePass, type LayerMemory } from "./time-pass.js";
import { UNetHistory } from "./unet-history.js";
import type { UNet3D, UNetInput } from "./unet.js";

/** What `begin` and `commit` give: the past with the new frames, and the network's output for them. */
export interface Recorded {
  readonly history: UNetHistory;
  /** `[B T Co H W]` */
  readonly output_BTCHW: Tensor;
}

/** How a stream is made. */
export interface StreamOptions {
  /** The network's weights go on changing. Default false. */
  readonly trained?: boolean;
  /** What makes graphs; absent: CUDA's, of the network's device. */
  readonly capture?: CaptureRun;
}

/** How one frame is evaluated. */
export interface FrameOptions {
  /** As a CUDA graph, from the second history on; see `checkGraphs`. Default false. */
  readonly graphs?: boolean;
}

/** With its past as it is, or with the new frame in it. */
type What = "predict" | "commit";

/**
 * Evaluates frames against a history. With `causal` statistics `begin` on some frames followed by `commit` frame by frame gives the very
 * outputs of `UNet3D.forward` on all of them, to rounding, however they are split; clips longer than `temporalLength` roll. With `window`
 * statistics the past stays as it was when it was evaluated, and a new frame is normalised with the past and itself: an approximation.
 *
 * Some tensors are derived from the weights once. After the weights have changed, make another; or say that the network is `trained`: then
 * nothing is derived, and `predict` records gradients. They end at the history, as in arXiv:2506.08009 section 3.2.
 */
export class UNetStream {
  readonly unet: UNet3D;
  readonly trained: boolean;
  readonly #prepared = new Map<object, LayerMemory>();
  readonly #capture: CaptureRun | undefined;
  readonly #traces: StreamTraces;
  #layers: ReadonlySet<object> | undefined;

  constructor(unet: UNet3D, { trained = false, capture }: StreamOptions = {}) {
    if (!unet.options.causal)
      throw invalid(
        "unet",
        "a causal network (model.causal: true)",
        "a bidirectional one: its past depends on its future",
      );
    this.unet = unet;
    this.trained = trained;
    this.#capture = capture;
    this.#traces = new StreamTraces(capture ?? captureCudaGraph);
    if (!trained && unet.options.memoryFormat === "channelsLast") layOutWeights(unet);
  }

  /** Throws where frames cannot be evaluated as CUDA graphs, and says why. */
  checkGraphs(): void {
    if (this.trained) throw invalid("graphs", "none of a network in training, whose weights change", true);
    if (this.#capture) return;
    const { device } = this.unet.outputConv.weight;
    if (!device.startsWith("cuda"))
      throw invalid("sampler.cudaGraphs", `false on ${device}: CUDA graphs need a CUDA device`, true);
    if (!hasCudaGraphs()) throw invalid("graphs", "none in this build of the native addon, which lacks them", true);
  }

  /** Evaluates the first frames, `[B T C H W]`, T below `temporalLength` so that a next one fits. */
  begin(input: UNetInput): Recorded {
    const [batch, frames] = input.x_BTCHW.dims("B T C H W");
    const { temporalLength, temporalNorm } = this.unet.options;
    if (temporalNorm === "window" && frames >= temporalLength)
      throw invalid("x_BTCHW", `less than temporalLength = ${temporalLength} frames`, frames);
    const pass = this.#pass(undefined, true);
    const output_BTCHW = noGrad(() => this.unet.forward(input, pass));
    return { history: new UNetHistory(pass.recorded, batch, Math.min(frames, temporalLength - 1)), output_BTCHW };
  }

  /** The output for one frame after `history`, which stays as it is: `[R*B 1 C H W] -> [R*B 1 Co H W]`, branch by branch. */
  predict(history: UNetHistory, input: UNetInput, options: FrameOptions = {}): Tensor {
    const batch = this.#checkFrame(history, input);
    if (batch % history.batch !== 0)
      throw invalid("x_BTCHW", `a batch that is a multiple of the history's ${history.batch}`, batch);
    return this.#evaluate("predict", history, input, options).output_BTCHW;
  }

  /** The history with one more frame, `[B 1 C H W]`. */
  commit(history: UNetHistory, input: UNetInput, options: FrameOptions = {}): Recorded {
    this.#checkBatch(history, input);
    return this.#recorded(
      history,
      noGrad(() => this.#evaluate("commit", history, input, options)),
    );
  }

  /**
   * The same on a thread of its own: JavaScript goes on meanwhile. Needs weights that stay as they are. History and input may be disposed of at
   * once; what comes of it belongs to no scope.
   */
  async commitAside(history: UNetHistory, input: UNetInput, options: FrameOptions = {}): Promise<Recorded> {
    this.#checkBatch(history, input);
    if (this.trained) throw invalid("stream", "one whose weights stay as they are", "one of a network in training");
    const evaluation = this.#evaluation("commit", history, input, options);
    return this.#recorded(history, await noGrad(() => this.#traces.evaluateAside(evaluation)));
  }

  /** Frees what was derived from the weights, and the traces. */
  dispose(): void {
    this.#traces.clear();
    for (const tensor of [...this.#prepared.values()].flat()) tensor.dispose();
    this.#prepared.clear();
  }

  /** Evaluates one frame: by a trace where weights and precision stay as they are. */
  #evaluate(what: What, history: UNetHistory, input: UNetInput, options: FrameOptions): Evaluated {
    const evaluation = this.#evaluation(what, history, input, options);
    if (this.trained) return evaluation.body();
    return noGrad(() => this.#traces.evaluate(evaluation));
  }

  #evaluation(what: What, history: UNetHistory, input: UNetInput, { graphs = false }: FrameOptions): Evaluation {
    if (graphs) this.checkGraphs();
    const body = (): Evaluated => {
      const pass = this.#pass(history, what === "commit");
      return { output_BTCHW: this.unet.forward(input, pass), recorded: pass.recorded };
    };
    return { what, history, input, body, graphs };
  }

  /** What was recorded, kept from the scope's end. */
  #recorded(history: UNetHistory, { output_BTCHW, recorded }: Evaluated): Recorded {
    for (const tensor of [...recorded.values()].flat()) keep(tensor);
    const frames = Math.min(history.frames + 1, this.unet.options.temporalLength - 1);
    return { history: new UNetHistory(recorded, history.batch, frames), output_BTCHW };
  }

  #checkBatch(history: UNetHistory, input: UNetInput): void {
    const batch = this.#checkFrame(history, input);
    if (batch !== history.batch) throw invalid("x_BTCHW", `the history's batch of ${history.batch}`, batch);
  }

  #pass(history: UNetHistory | undefined, record: boolean): TimePass {
    const prepared = this.trained ? {} : { prepared: this.#prepared };
    return new TimePass({ record, ...prepared, ...(history && { past: history.layers }) });
  }

  #checkFrame(history: UNetHistory, { x_BTCHW }: UNetInput): number {
    const [batch, frames] = x_BTCHW.dims("B T C H W");
    if (frames !== 1) throw invalid("x_BTCHW", "one frame after a history", frames);
    this.#layers ??= new Set(this.unet.namedModules().values());
    history.check(this.#layers);
    return batch;
  }
}
