// Traces of single-frame evaluations, by the shapes that they were made for: a stream asks the same of the network over and over.
import { type Tensor, type Trace, WeightLayouts, autocastMode, trace } from "@vid2world/torch";

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
  #layouts = new WeightLayouts();

  /** Evaluates by `body`, or as it did the last time. Gradients must be off; `body` must depend on `history` and `input` alone. */
  evaluate(what: string, history: UNetHistory, input: UNetInput, body: () => Evaluated): Evaluated {
    const tensors = [...namedTensors(input).map(([, tensor]) => tensor), ...history.tensors];
    const key = `${what} ${history.frames} ${history.batch} ${describe(input)} ${autocastMode()}`;
    const known = this.#traces.get(key);
    this.#traces.delete(key);
    if (known) {
      this.#set(key, known);
      return known.unpack(known.trace.run(tensors));
    }
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
    this.#set(key, { trace: repeat, unpack });
    return unpack(outputs);
  }

  /** Forgets all traces. */
  clear(): void {
    this.#traces.clear();
    this.#layouts = new WeightLayouts();
  }

  #set(key: string, known: Known): void {
    this.#traces.set(key, known);
    const oldest = this.#traces.keys().next();
    if (this.#traces.size > MOST && oldest.done !== true) this.#traces.delete(oldest.value);
  }
}

interface Known {
  readonly trace: Trace;
  readonly unpack: (outputs: readonly Tensor[]) => Evaluated;
}

const tensorsOf = ({ output_BTCHW, recorded }: Evaluated): Tensor[] => [output_BTCHW, ...[...recorded.values()].flat()];

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
