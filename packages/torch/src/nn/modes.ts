// Temporary modes and deliberate starting points of modules.

import { noGrad } from "../autograd.js";
import type { Module } from "./module.js";

/** Runs `fn` with the module in evaluation mode, then restores the mode of every module in it, also after an error. May be async. */
export function evaluating<T>(module: Module, fn: () => T): T {
  const modes = [...module.namedModules().values()].map((child) => [child, child.training] as const);
  const restore = (): void => {
    for (const [child, training] of modes) child.training = training;
  };
  module.eval();
  let result: T;
  try {
    result = fn();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) return result.finally(restore) as T;
  restore();
  return result;
}

/** Zeroes all parameters of a module and returns it: a residual branch that ends in it starts as the identity. */
export function zeroInit<M extends Module>(module: M): M {
  noGrad(() => {
    for (const parameter of module.parameters()) parameter.zero_();
  });
  return module;
}
