// Finds the layer in which a number that is not finite first appears. It looks into every layer's result and waits for it each time: for
// looking into one step, not for training.
import { isFloating, type Module, noGrad, scope, Tensor } from "@vid2world/torch";

/** Where numbers stopped being finite. */
export interface BadLayer {
  /** Path of the layer in the module. */
  readonly name: string;
  /** Its class. */
  readonly kind: string;
  /** Largest magnitude in its inputs; not finite where the fault lies between this layer and the one before. */
  readonly largestInput: number;
}

interface WithForward {
  forward?: (...inputs: unknown[]) => unknown;
}

/** Runs `body` and gives its result and the first layer below `root`, in the order in which they end, whose result is not finite. */
export function watchingLayers<T>(
  root: Module,
  body: () => T,
): { readonly result: T; readonly layer: BadLayer | undefined } {
  let layer: BadLayer | undefined;
  const watched = [...root.namedModules()].filter(([name]) => name !== "") as [string, Module & WithForward][];
  const restore = watched.map(([name, module]) => {
    const own = Object.getOwnPropertyDescriptor(module, "forward");
    const forward = module.forward?.bind(module);
    if (forward === undefined) return () => {};
    module.forward = (...inputs) => {
      const output = forward(...inputs);
      if (layer === undefined && !Number.isFinite(largest([output])))
        layer = { name, kind: module.constructor.name, largestInput: largest(inputs) };
      return output;
    };
    return () => {
      if (own) Object.defineProperty(module, "forward", own);
      else delete module.forward;
    };
  });
  try {
    const result = body();
    return { result, layer };
  } finally {
    for (const undo of restore) undo();
  }
}

/** Largest magnitude among the tensors in a list, also in lists in it; 0 where there is none, NaN or Infinity if one has such a number. */
function largest(values: readonly unknown[]): number {
  return values.reduce<number>((most, value) => {
    if (Array.isArray(value)) return Math.max(most, largest(value));
    if (!(value instanceof Tensor) || !isFloating(value.dtype) || value.numel === 0) return most;
    const magnitude = noGrad(() => scope(() => value.float().abs().max().item()));
    return Math.max(most, magnitude);
  }, 0);
}
