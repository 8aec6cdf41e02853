// What all optimisers share: groups, gradients, and a state that is saved and restored under exact keys.

import { clearGrads, gradsOf, noGrad } from "../autograd.js";
import { tensor } from "../creation.js";
import type { Device } from "../dtype.js";
import { loadState } from "../nn/load-state.js";
import type { Parameter } from "../nn/parameter.js";
import { keep, scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { zerosLike } from "../generated/ops.js";
import { batches } from "./foreach.js";
import { type GroupOf, type ParameterSet, resolveGroups, type ResolvedGroup } from "./parameters.js";

/** The hyperparameter that every optimiser has. */
export interface CommonOptions {
  /** Step size. Schedules set it before each step. */
  learningRate: number;
}

/** Bounds the memory of a caller that never settles. */
const MOST_UNSETTLED = 256;

/** What an optimiser keeps for one parameter. */
export interface ParameterState {
  /** Updates of this parameter so far. */
  step: number;
  /** Running averages, by name, in the parameter's shape. */
  readonly averages: Readonly<Record<string, Tensor>>;
}

/** One parameter that is about to be updated. */
export interface Update {
  readonly parameter: Parameter;
  readonly grad: Tensor;
  readonly state: ParameterState;
}

/**
 * Updates parameters from their gradients. Parameters without a gradient are left alone. The state is `NAME.step` and one
 * tensor for each running average of each parameter; hyperparameters are configuration and not part of it.
 */
export abstract class Optimizer<Options extends CommonOptions> {
  /** The groups; `groups[0].options.learningRate` and the others may be changed between steps. */
  readonly groups: readonly ResolvedGroup<Options>[];
  /** Names of the running averages that `update` needs. */
  protected abstract readonly averages: readonly string[];
  readonly #states = new Map<Parameter, ParameterState>();
  /** Steps of which the device alone knows whether they were left out, with the parameters that they counted for. */
  #unsettled: { readonly unless: Tensor; readonly states: readonly ParameterState[] }[] = [];

  constructor(parameters: ParameterSet | readonly GroupOf<Options>[], defaults: Options) {
    this.groups = resolveGroups(parameters, defaults);
  }

  /** All parameters of all groups. */
  parameters(): Parameter[] {
    return this.groups.flatMap((group) => [...group.parameters.values()]);
  }

  /**
   * Makes one step from the gradients that are there now. `unless` is a scalar on their device: where it is not zero, nothing changes.
   * On a device whose kernels can decide that themselves nothing waits for it.
   */
  step(unless?: Tensor): void {
    const onDevice = unless !== undefined && this.leavesOutOnDevice(unless.device);
    if (unless !== undefined && !onDevice && unless.item() !== 0) return;
    const states = noGrad(() =>
      this.groups.flatMap(({ parameters, options }) =>
        scope(() => this.#stepGroup([...parameters.values()], options, onDevice ? unless : undefined)),
      ),
    );
    if (!onDevice) return;
    this.#unsettled.push({ unless: keep(unless.detach().clone()), states });
    if (this.#unsettled.length >= MOST_UNSETTLED) this.settle();
  }

  /** Whether `update` can leave a step out by itself on this device. */
  protected leavesOutOnDevice(_device: Device): boolean {
    return false;
  }

  /** Steps since the last settling of which it is not yet known whether they were left out. */
  protected get unsettled(): readonly Tensor[] {
    return this.#unsettled.map(({ unless }) => unless);
  }

  /** Takes left-out steps out of the counts of steps. Waits for the device; `stateDict` does it too. */
  settle(): void {
    for (const { unless, states } of this.#unsettled) {
      if (unless.item() !== 0) for (const state of states) state.step--;
      unless.dispose();
    }
    this.#unsettled = [];
  }

  #stepGroup(parameters: readonly Parameter[], options: Options, unless: Tensor | undefined): ParameterState[] {
    const grads = gradsOf(parameters);
    const due = parameters.flatMap((parameter, index) => {
      const grad = grads[index];
      return grad === undefined ? [] : [{ parameter, grad, state: this.#stateOf(parameter) }];
    });
    for (const { state } of due) state.step++;
    // A scope for each batch: its temporary memory is gone before the next begins.
    for (const batch of batches(due, (update) => update.parameter)) scope(() => this.update(batch, options, unless));
    return due.map(({ state }) => state);
  }

  /**
   * Updates one batch (same device and dtype) in a few multi-tensor calls. `state.step` counts this step already. `unless` is only
   * given where `leavesOutOnDevice` allows it.
   */
  protected abstract update(batch: readonly Update[], options: Options, unless: Tensor | undefined): void;

  /** Drops all gradients. */
  zeroGrad(): void {
    clearGrads(this.parameters());
  }

  /** Sets the learning rate of all groups. */
  setLearningRate(learningRate: number): void {
    for (const group of this.groups) group.options.learningRate = learningRate;
  }

  /** The state by name: `NAME.step` (new int64 scalars) and the running averages (the live tensors, not copies). */
  stateDict(): Map<string, Tensor> {
    this.settle();
    const state = new Map<string, Tensor>();
    for (const [name, own] of this.#namedStates()) {
      state.set(`${name}.step`, tensor(own.step, { dtype: "int64" }));
      for (const [average, value] of Object.entries(own.averages)) state.set(`${name}.${average}`, value);
    }
    return state;
  }

  /** Restores what `stateDict` gave; the keys must match exactly, or a `CheckpointMismatchError` lists all that do not. */
  loadStateDict(saved: ReadonlyMap<string, Tensor>): void {
    scope(() => loadState(this.stateDict(), saved, { into: this.constructor.name, from: "optimizer state" }));
    for (const [name, own] of this.#namedStates()) own.step = Number((saved.get(`${name}.step`) as Tensor).item());
  }

  *#namedStates(): Generator<readonly [string, ParameterState]> {
    for (const { parameters } of this.groups) {
      for (const [name, parameter] of parameters) yield [name, this.#stateOf(parameter)];
    }
  }

  /** Made at the first use, so that it lies where the parameter then is. */
  #stateOf(parameter: Parameter): ParameterState {
    let state = this.#states.get(parameter);
    if (state === undefined) {
      const averages = this.averages.map((name) => [name, keep(zerosLike(parameter))] as const);
      state = { step: 0, averages: Object.fromEntries(averages) };
      this.#states.set(parameter, state);
    }
    return state;
  }
}
