// Exponential moving average of parameters: the smoothed weights that diffusion models are sampled with.

import { invalid } from "@vid2world/formats";
import { noGrad } from "../autograd.js";
import { tensor } from "../creation.js";
import { _foreachAdd_, _foreachMul_ } from "../generated/ops.js";
import { loadState } from "../nn/load-state.js";
import type { Parameter } from "../nn/parameter.js";
import { keep, scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { batches } from "./foreach.js";
import { named, type ParameterSet } from "./parameters.js";

/** Options of `Ema`. */
export interface EmaOptions {
  /** Fraction of the average that is kept per update. Default 0.9999. */
  readonly decay?: number;
  /** Use the smaller decay (1 + n) / (10 + n) in the first updates n, so that random first weights fade quickly. Default true. */
  readonly warmup?: boolean;
}

/**
 * Keeps `average = decay * average + (1 - decay) * parameter`, in at least float32. Construct it when the parameters have their
 * device; call `update` after each optimiser step, and `using` (or `swap` twice) to work with the averages in place.
 */
export class Ema {
  readonly decay: number;
  readonly warmup: boolean;
  #updates = 0;
  readonly #parameters: ReadonlyMap<string, Parameter>;
  readonly #averages: ReadonlyMap<string, Tensor>;

  constructor(parameters: ParameterSet, { decay = 0.9999, warmup = true }: EmaOptions = {}) {
    if (!(decay >= 0 && decay <= 1)) throw invalid("decay", "a number in [0, 1]", decay);
    this.decay = decay;
    this.warmup = warmup;
    this.#parameters = named(parameters);
    this.#averages = new Map([...this.#parameters].map(([name, parameter]) => [name, copyOf(parameter)]));
  }

  /** The averages by name: the live tensors. While swapped in, they hold the trained values. */
  get averages(): ReadonlyMap<string, Tensor> {
    return this.#averages;
  }

  /** Moves the averages one step towards the parameters. */
  update(): void {
    this.#updates++;
    const decay = this.warmup ? Math.min(this.decay, (1 + this.#updates) / (10 + this.#updates)) : this.decay;
    const pairs = [...this.#averages].map(([name, average]) => ({
      average,
      parameter: this.#parameters.get(name) as Tensor,
    }));
    noGrad(() => {
      for (const batch of batches(pairs, (pair) => pair.parameter)) {
        scope(() => {
          const averages = batch.map((pair) => pair.average);
          _foreachMul_(averages, decay);
          _foreachAdd_(
            averages,
            batch.map(({ average, parameter }) => parameter.to(average.dtype)),
            { alpha: 1 - decay },
          );
        });
      }
    });
  }

  /** Exchanges the values of parameters and averages. A second call changes them back. */
  swap(): void {
    noGrad(() => {
      for (const [name, average] of this.#averages) exchange(this.#parameters.get(name) as Tensor, average);
    });
  }

  /** Runs `fn` with the averages in the parameters' place, then changes back, also after an error. May be async. */
  swappedIn<T>(fn: () => T): T {
    this.swap();
    let result: T;
    try {
      result = fn();
    } catch (error) {
      this.swap();
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.swap()) as T;
    this.swap();
    return result;
  }

  /** The averages, and the number of updates as `updates`. */
  stateDict(): Map<string, Tensor> {
    const state = new Map([...this.#averages].map(([name, average]) => [`average.${name}`, average]));
    return state.set("updates", tensor(this.#updates, { dtype: "int64" }));
  }

  /** Restores what `stateDict` gave; the keys must match exactly. */
  loadStateDict(saved: ReadonlyMap<string, Tensor>): void {
    scope(() => loadState(this.stateDict(), saved, { into: "Ema", from: "average" }));
    this.#updates = Number((saved.get("updates") as Tensor).item());
  }
}

/** A copy of at least float32: in half precision an update of 1e-4 of the difference would round to nothing. */
function copyOf(parameter: Tensor): Tensor {
  const half = parameter.dtype === "float16" || parameter.dtype === "bfloat16";
  return noGrad(() => keep(half ? parameter.detach().to("float32") : parameter.detach().clone()));
}

function exchange(a: Tensor, b: Tensor): void {
  scope(() => {
    if (a.dtype === b.dtype) {
      // Only the pointers change hands: nothing is copied.
      const values = a.detach();
      a.setData_(b);
      b.setData_(values);
    } else {
      const values = a.detach().clone();
      a.copy_(b);
      b.copy_(values);
    }
  });
}
