// Copies a checkpoint's tensors into live ones: all or nothing, with one report of everything that does not fit.

import { noGrad } from "../autograd.js";
import { type CheckpointMismatch, CheckpointMismatchError, type ShapeMismatch } from "../errors.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

/** How strictly a checkpoint must fit. */
export interface LoadOptions {
  /** Whether missing and unexpected keys are errors. Default true. */
  readonly strict?: boolean;
  /** What the values come from, for the error message: a file name. Default "state". */
  readonly from?: string;
}

/** Copies `source` into the tensors of `target` by name, in place; dtype and device follow the target. */
export function loadState(
  target: ReadonlyMap<string, Tensor>,
  source: ReadonlyMap<string, Tensor>,
  { strict = true, from = "state", into }: LoadOptions & { readonly into: string },
): void {
  const mismatch = compareState(target, source);
  if (mismatch.shapes.length > 0 || (strict && mismatch.missing.length + mismatch.unexpected.length > 0)) {
    throw mismatchError(from, into, strict ? mismatch : { ...mismatch, missing: [], unexpected: [] });
  }
  noGrad(() => {
    for (const [name, tensor] of target) {
      const value = source.get(name);
      if (value !== undefined && value !== tensor) scope(() => void tensor.copy_(value));
    }
  });
}

/** Lists every difference in names and shapes. */
export function compareState(
  target: ReadonlyMap<string, Tensor>,
  source: ReadonlyMap<string, Tensor>,
): CheckpointMismatch {
  const missing = [...target.keys()].filter((name) => !source.has(name));
  const unexpected = [...source.keys()].filter((name) => !target.has(name));
  const shapes: ShapeMismatch[] = [];
  for (const [name, tensor] of target) {
    const value = source.get(name);
    if (value === undefined || value.shape.join() === tensor.shape.join()) continue;
    shapes.push({ key: name, found: value.shape, expected: tensor.shape });
  }
  return { missing, unexpected, shapes };
}

/** Names of one kind that the message shows; a whole network's names would bury it. */
const LISTED = 12;

function mismatchError(from: string, into: string, facts: CheckpointMismatch): CheckpointMismatchError {
  const { missing, unexpected, shapes } = facts;
  const list = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
  const shape = shapes.map(({ key, found, expected }) => `${key} is ${list(found)}, expected ${list(expected)}`);
  const line = (title: string, items: readonly string[]): string[] => {
    if (items.length === 0) return [];
    const more = items.length > LISTED ? `, and ${items.length - LISTED} more (the error's facts list all)` : "";
    return [`  ${title.padEnd(10)}(${items.length}): ${items.slice(0, LISTED).join(", ")}${more}`];
  };
  const lines = [...line("missing", missing), ...line("unexpected", unexpected), ...line("shape", shape)];
  return new CheckpointMismatchError([`${from} does not fit ${into}`, ...lines].join("\n"), facts);
}
