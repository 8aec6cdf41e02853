// Single-frame evaluations as CUDA graphs: each launched as one, on tensors that stay where they are.
import { type CaptureRun, type CapturedRun, FixedTensors, type Tensor, type Trace } from "@vid2world/torch";

import type { UNetHistory } from "./unet-history.js";

/** Most graphs that are kept: with and without guidance, and remembering, of a few lengths or batches. Each holds its results, and memory. */
const MOST = 8;

/** A history's tensors where graphs read them. The network's memory is large and stays the same for all steps of a frame: it is copied once. */
interface FixedHistory {
  readonly copies: FixedTensors;
  /** What the copies are of. A history never changes, so the same one need not be copied again. */
  holds: WeakRef<UNetHistory>;
  /** Graphs that read them. */
  readers: number;
}

interface Graph {
  readonly run: CapturedRun;
  readonly input: FixedTensors;
  readonly past: FixedHistory;
}

/**
 * Runs traces as graphs. A graph takes the time of some runs to make and is then repeated for every step of every frame; so one is made when an
 * evaluation is asked for after a second history. While a new world's history still grows, each length is seen once and none is made. The one
 * that was not used for longest is given up for another.
 */
export class StreamGraphs {
  readonly #capture: CaptureRun;
  readonly #graphs = new Map<string, Graph>();
  /** The first history that an evaluation was asked for with. */
  readonly #met = new Map<string, WeakRef<UNetHistory>>();

  constructor(capture: CaptureRun) {
    this.#capture = capture;
  }

  /** What `trace` gives of `input` and then the history's tensors, in tensors of its own. The same key always means shapes and trace alike. */
  run(key: string, trace: Trace, history: UNetHistory, input: readonly Tensor[]): Tensor[] {
    const graph =
      this.#graphs.get(key) ?? (this.#isWorthwhile(key, history) ? this.#make(trace, history, input) : undefined);
    if (graph === undefined) return trace.run([...input, ...history.tensors]);
    this.#remember(key, graph);
    graph.input.write(input);
    if (graph.past.holds.deref() !== history) {
      graph.past.copies.write(history.tensors);
      graph.past.holds = new WeakRef(history);
    }
    graph.run.replay();
    return graph.run.outputs.map((output) => output.clone());
  }

  /** Says with which history an evaluation was traced, which is not run as a graph. */
  meet(key: string, history: UNetHistory): void {
    if (!this.#met.has(key)) this.#met.set(key, new WeakRef(history));
  }

  /** Gives up what was made for an evaluation. */
  forget(key: string): void {
    this.#met.delete(key);
    const graph = this.#graphs.get(key);
    this.#graphs.delete(key);
    if (graph) release(graph);
  }

  /** Gives all up. */
  clear(): void {
    for (const key of [...this.#graphs.keys()]) this.forget(key);
    this.#met.clear();
  }

  #isWorthwhile(key: string, history: UNetHistory): boolean {
    this.meet(key, history);
    return this.#met.get(key)?.deref() !== history;
  }

  #make(trace: Trace, history: UNetHistory, given: readonly Tensor[]): Graph {
    const input = new FixedTensors(given);
    const past = this.#pastLike(history);
    try {
      return { run: this.#capture(trace, [...input.tensors, ...past.copies.tensors]), input, past };
    } catch (error) {
      release({ input, past });
      throw error;
    }
  }

  /** Predicting and remembering read the same: with histories of the same shapes they share one place for it. */
  #pastLike(history: UNetHistory): FixedHistory {
    const shapes = shapesOf(history.tensors);
    const known = [...this.#graphs.values()].find(({ past }) => shapesOf(past.copies.tensors) === shapes)?.past;
    if (known) {
      known.readers++;
      return known;
    }
    return { copies: new FixedTensors(history.tensors), holds: new WeakRef(history), readers: 1 };
  }

  /** Puts a graph last in line to be given up. */
  #remember(key: string, graph: Graph): void {
    this.#graphs.delete(key);
    this.#graphs.set(key, graph);
    const oldest = this.#graphs.keys().next();
    if (this.#graphs.size > MOST && oldest.done !== true) this.forget(oldest.value);
  }
}

function release({ run, input, past }: Omit<Graph, "run"> & { readonly run?: CapturedRun }): void {
  run?.dispose();
  input.dispose();
  past.readers--;
  if (past.readers === 0) past.copies.dispose();
}

const shapesOf = (tensors: readonly Tensor[]): string =>
  tensors.map(({ shape, dtype }) => `${dtype} ${shape.join("x")}`).join(" ");
