// Finding a module by the name that it has in the original code, and watching what it returns.
import { keep, type Module, type Tensor } from "@vid2world/torch";

import type { KeyMap } from "../../../model/key-maps/key-map.js";

/**
 * The module that holds exactly the keys below `original` in the original's names: "input_blocks.1.0", "middle_block", "decoder.norm_out".
 * Undefined where ours has none: a sequence of the original that is spread over a larger module here, say.
 */
export function moduleAt(root: Module, map: KeyMap, original: string): Module | undefined {
  const keys = [...root.stateDict().keys()];
  const wanted = keys.filter((key) => map.toOriginal(key)?.startsWith(`${original}.`));
  if (wanted.length === 0) return undefined;
  const path = commonPath(wanted);
  if (keys.filter((key) => key.startsWith(`${path}.`)).length !== wanted.length) return undefined;
  const modules = root.namedModules();
  // A list is no module: its last entry returns what the original's sequence of them returns.
  const entries = [...modules.keys()].filter(
    (name) => name.startsWith(`${path}.`) && !name.includes(".", path.length + 1),
  );
  return modules.get(path) ?? modules.get(entries.at(-1) ?? "-");
}

/** The longest module path that all keys share; a key's last part is the parameter's own name. */
function commonPath(keys: readonly string[]): string {
  const [first = [], ...others] = keys.map((key) => key.split(".").slice(0, -1));
  const end = first.findIndex((part, i) => others.some((path) => path[i] !== part));
  return first.slice(0, end < 0 ? first.length : end).join(".");
}

/** Calls `see` with a copy of everything that `module` returns from now on; the copies belong to the receiver. */
export function watchOutput(module: Module, see: (y: Tensor) => void): void {
  const target = module as Module & { forward: (...inputs: unknown[]) => Tensor };
  const forward = target.forward.bind(target);
  target.forward = (...inputs) => {
    const y = forward(...inputs);
    see(keep(y.clone()));
    return y;
  };
}
