// Traces of single-frame evaluations, by the shapes that they were made for: a stream asks the same of the network over and over.
import { type CaptureRun, type Tensor, type Trace, WeightLayouts, autocastMode, keep, trace } from "@vid2world/torch";

import { StreamGraphs } from "./stream-graphs.js";
import type { LayerMemories } from "./time-pass.js";
import type { UNetHistory } from "./unet-history.js";
import type { UNetInput } from "./unet.js";

/** What an evaluation gives: its output, and the memory of all layers where it is asked to remember. */
export interface Evaluated {
  readonly output_BTCHW: Tensor;
  readonly recorded: LayerMemories;
}

/** Most traces that are kept: the growing history of one or two sizes of batch, guided and not, and the full one. */
const MOST = 48;

/**
 * An evaluation of given shapes and precision is traced the first time and repeated from then on. A history of another length, another batch or
 * another kind of conditioning has a trace of its own; the oldest are forgotten. The network's weights must stay as they are: the traces are frozen.
 */
export class StreamTraces {
  readonly #traces = new Map<string, Known>();
  readonly #graphs: StreamGraphs;
  #layouts = new WeightLayouts();

  /** `capture` makes the graphs of evaluations that ask for one. */
  constructor(capture: CaptureRun) {
    this.#graphs = new StreamGraphs(capture);
  }

  /**
   * Evaluates by `body`, or as it did the last time. Gradients must be off; `body` must depend on `history` and `input` alone. With `graphs` a
   * trace is run as a graph.
   */
  evaluate({ what, history, input, body, graphs }: Evaluation): Evaluated {
    const { key, own } = evaluationOf(what, history, input);
    const known = this.#find(key);
    if (!known && graphs) this.#graphs.meet(key, history);
    if (!known) return this.#write(key, [...own, ...history.tensors], body);
    if (graphs) return known.unpack(this.#graphs.run(key, known.trace, history, own));
    return known.unpack(known.trace.run([...own, ...history.tensors]));
  }

  /**
   * The same on another thread, but for the first of its shapes, and for graphs: a device is only asked for one, so there is no time to gain.
   * What comes of it belongs to no scope.
   */
  async evaluateAside(evaluation: Evaluation): Promise<Evaluated> {
    const { what, history, input } = evaluation;
    const { key, own } = evaluationOf(what, history, input);
    const known = this.#find(key);
    if (known && !evaluation.graphs) return known.unpack(await known.trace.runAside([...own, ...history.tensors]));
    const made = this.evaluate(evaluation);
    tensorsOf(made).forEach(keep);
    return made;
  }

  #find(key: string): Known | undefined {
    const known = this.#traces.get(key);
    this.#traces.delete(key);
    if (known) this.#traces.set(key, known);
    return known;
  }

  #write(key: string, tensors: readonly Tensor[], body: () => Evaluated): Evaluated {
    let made: Evaluated | undefined;
    const { trace: repeat, outputs } = trace(
      tensors,
      () => {
        made = body();
        return tensorsOf(made);
      },
      { layouts: this.#layouts },
    );
    const written = made as unknown as Evaluated;
    // What was written down is not what runs: a run's numbers differ by rounding, and the first frame is to have those of all others.
    tensorsOf(written).forEach((tensor) => tensor.dispose());
    const unpack = unpackLike(written.recorded);
    this.#traces.set(key, { trace: repeat, unpack });
    const oldest = this.#traces.keys().next();
    if (this.#traces.size > MOST && oldest.done !== true) this.#forget(oldest.value);
    return unpack(outputs);
  }

  #forget(key: string): void {
    this.#graphs.forget(key);
    this.#traces.delete(key);
  }

  /** Forgets all traces. */
  clear(): void {
    this.#graphs.clear();
    this.#traces.clear();
    this.#layouts = new WeightLayouts();
  }
}

/** One evaluation that is asked for. */
export interface Evaluation {
  readonly what: string;
  readonly history: UNetHistory;
  readonly input: UNetInput;
  readonly body: () => Evaluated;
  /** Whether it may run as a graph. */
  readonly graphs: boolean;
}

interface Known {
  readonly trace: Trace;
  readonly unpack: (outputs: readonly Tensor[]) => Evaluated;
}

const tensorsOf = ({ output_BTCHW, recorded }: Evaluated): Tensor[] => [output_BTCHW, ...[...recorded.values()].flat()];

/** What an evaluation is given, and what tells it from evaluations that run differently. */
function evaluationOf(what: string, history: UNetHistory, input: UNetInput): { key: string; own: Tensor[] } {
  return {
    key: `${what} ${history.frames} ${history.batch} ${describe(input)} ${autocastMode()}`,
    own: namedTensors(input).map(([, tensor]) => tensor),
  };
}

const namedTensors = (input: UNetInput): [string, Tensor][] =>
  Object.entries(input as unknown as Record<string, Tensor>);

/** Which tensors there are, of which shape and type: what decides how the network runs. */
const describe = (input: UNetInput): string =>
  namedTensors(input)
    .map(([name, { shape, dtype }]) => `${name} ${shape.join("x")} ${dtype}`)
    .join(" ");

/** Puts outputs in the places of a memory like `recorded`. */
function unpackLike(recorded: LayerMemories): (outputs: readonly Tensor[]) => Evaluated {
  const lengths = [...recorded].map(([layer, memory]) => [layer, memory.length] as const);
  return ([output_BTCHW, ...tensors]) => {
    let next = 0;
    const memories = lengths.map(([layer, length]) => [layer, tensors.slice(next, (next += length))] as const);
    return { output_BTCHW: output_BTCHW as Tensor, recorded: new Map(memories) };
  };
}
