// Frame-incremental evaluation of the causal U-Net: the past is evaluated once, a new frame costs one frame.
// Axes: B rollouts, R branches (with and without guidance) that share a past, T frames, C channels.
import { keep, noGrad, type Tensor } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

import { layOutWeights } from "../weight-layout.js";
import { StreamTraces, type Evaluated } from "./stream-traces.js";
import { TimePass, type LayerMemory } from "./time-pass.js";
import { UNetHistory } from "./unet-history.js";
import type { UNet3D, UNetInput } from "./unet.js";

/** What `begin` and `commit` give: the past with the new frames, and the network's output for them. */
export interface Recorded {
  readonly history: UNetHistory;
  /** `[B T Co H W]` */
  readonly output_BTCHW: Tensor;
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
  readonly #traces = new StreamTraces();
  #layers: ReadonlySet<object> | undefined;

  constructor(unet: UNet3D, { trained = false }: { readonly trained?: boolean } = {}) {
    if (!unet.options.causal)
      throw invalid(
        "unet",
        "a causal network (model.causal: true)",
        "a bidirectional one: its past depends on its future",
      );
    this.unet = unet;
    this.trained = trained;
    if (!trained && unet.options.memoryFormat === "channelsLast") layOutWeights(unet);
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
  predict(history: UNetHistory, input: UNetInput): Tensor {
    const batch = this.#checkFrame(history, input);
    if (batch % history.batch !== 0)
      throw invalid("x_BTCHW", `a batch that is a multiple of the history's ${history.batch}`, batch);
    return this.#evaluate("predict", history, input).output_BTCHW;
  }

  /** The history with one more frame, `[B 1 C H W]`. */
  commit(history: UNetHistory, input: UNetInput): Recorded {
    this.#checkBatch(history, input);
    return this.#recorded(
      history,
      noGrad(() => this.#evaluate("commit", history, input)),
    );
  }

  /**
   * The same on a thread of its own: JavaScript goes on meanwhile. Needs weights that stay as they are. History and input may be disposed of at
   * once; what comes of it belongs to no scope.
   */
  async commitAside(history: UNetHistory, input: UNetInput): Promise<Recorded> {
    this.#checkBatch(history, input);
    if (this.trained) throw invalid("stream", "one whose weights stay as they are", "one of a network in training");
    const evaluate = this.#evaluation("commit", history, input);
    return this.#recorded(history, await noGrad(() => this.#traces.evaluateAside("commit", history, input, evaluate)));
  }

  /** Frees what was derived from the weights, and the traces. */
  dispose(): void {
    this.#traces.clear();
    for (const tensor of [...this.#prepared.values()].flat()) tensor.dispose();
    this.#prepared.clear();
  }

  /** Evaluates one frame: by a trace where weights and precision stay as they are. */
  #evaluate(what: What, history: UNetHistory, input: UNetInput): Evaluated {
    const evaluate = this.#evaluation(what, history, input);
    if (this.trained) return evaluate();
    return noGrad(() => this.#traces.evaluate(what, history, input, evaluate));
  }

  #evaluation(what: What, history: UNetHistory, input: UNetInput): () => Evaluated {
    return () => {
      const pass = this.#pass(history, what === "commit");
      return { output_BTCHW: this.unet.forward(input, pass), recorded: pass.recorded };
    };
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
