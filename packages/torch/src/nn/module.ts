// The base of all layers and networks: finds parameters, buffers and children by walking the object's own fields.

import { InvalidArgumentError } from "@vid2world/formats";
import { clearGrads, noGrad } from "../autograd.js";
import type { Device, DType } from "../dtype.js";
import { Tensor } from "../tensor.js";
import { convertInPlace } from "./convert.js";
import { loadState, type LoadOptions } from "./load-state.js";
import { Parameter } from "./parameter.js";

/**
 * A piece of a network. Subclasses declare typed fields and a `forward`; nothing is registered by hand.
 *
 * A field (or an element of an array in a field) that is a `Module` is a child, a `Parameter` is trained, any other `Tensor` is a
 * buffer: state that is not trained. Everything else is ignored, and so are `#private` fields. A name is the path of fields,
 * `"outputBlocks.3.norm.weight"`; the names are the checkpoint's keys.
 */
export abstract class Module {
  /** Whether layers that behave differently in training (dropout) do so. Change it by `train` and `eval`. */
  training = true;

  /** All parameters of this module and its children, each once. */
  parameters(): Parameter[] {
    return [...this.namedParameters().values()];
  }

  /** All parameters by name. One that is shared appears once, under its first name. */
  namedParameters(): Map<string, Parameter> {
    return distinct(this, (value) => value instanceof Parameter) as Map<string, Parameter>;
  }

  /** All buffers by name, each once. */
  namedBuffers(): Map<string, Tensor> {
    return distinct(this, (value) => value instanceof Tensor && !(value instanceof Parameter)) as Map<string, Tensor>;
  }

  /** This module (under the name "") and all modules below it, by name, each once. */
  namedModules(): Map<string, Module> {
    const modules = new Map<string, Module>([["", this]]);
    for (const [name, module] of distinct(this, (value) => value instanceof Module))
      modules.set(name, module as Module);
    return modules;
  }

  /** Parameters and buffers by name: the tensors themselves, not copies. Shared ones appear under each of their names. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [name, value] of walk(this)) if (value instanceof Tensor) state.set(name, value);
    return state;
  }

  /**
   * Copies values into the parameters and buffers of the same names, converting dtype and device. Throws one
   * `CheckpointMismatchError` that lists every missing, unexpected and wrongly shaped key, and then has changed nothing.
   * With `strict: false` missing and unexpected keys are left alone; shapes must still agree.
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, options: LoadOptions = {}): this {
    loadState(this.stateDict(), state, { into: this.constructor.name, ...options });
    return this;
  }

  /** Sets the training mode here and in all children. */
  train(mode = true): this {
    for (const module of this.namedModules().values()) module.training = mode;
    return this;
  }

  /** Sets evaluation mode here and in all children: `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** Moves parameters and buffers to a device, or converts the floating-point ones to a dtype, in place. */
  to(target: Device | DType): this {
    noGrad(() => {
      for (const tensor of new Set(this.stateDict().values())) convertInPlace(tensor, target);
    });
    return this;
  }

  /** Sets whether gradients are computed for the parameters. */
  requiresGrad_(flag = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(flag);
    return this;
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): this {
    clearGrads(this.parameters());
    return this;
  }
}

function distinct(root: Module, accepts: (value: Module | Tensor) => boolean): Map<string, Module | Tensor> {
  const seen = new Set<Module | Tensor>();
  const found = new Map<string, Module | Tensor>();
  for (const [name, value] of walk(root)) {
    if (seen.has(value) || !accepts(value)) continue;
    seen.add(value);
    found.set(name, value);
  }
  return found;
}

/** Yields every module and tensor below `root` with its name, parents before children. Shared ones are yielded for each name. */
function* walk(root: Module): Generator<readonly [name: string, value: Module | Tensor]> {
  yield* walkFields(root, "", new Set([root]));
}

function* walkFields(
  module: Module,
  prefix: string,
  above: Set<Module>,
): Generator<readonly [string, Module | Tensor]> {
  for (const [field, value] of Object.entries(module)) yield* walkValue(value, prefix + field, above);
}

function* walkValue(value: unknown, name: string, above: Set<Module>): Generator<readonly [string, Module | Tensor]> {
  if (value instanceof Tensor) {
    yield [name, value];
  } else if (value instanceof Module) {
    if (above.has(value))
      throw new InvalidArgumentError(
        name,
        `${name}: a module inside itself; keep references upwards in #private fields`,
      );
    yield [name, value];
    above.add(value);
    yield* walkFields(value, `${name}.`, above);
    above.delete(value);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* walkValue(item, `${name}.${index}`, above);
  }
}
