// Finds the tensors in what a checkpoint holds: by a path, or where the usual kinds of checkpoint keep them.
import { FormatError } from "../errors.js";
import { PickleObject } from "../pickle/values.js";
import { TorchTensorRecord } from "./records.js";

/** Levels below which nothing is looked for: no checkpoint keeps tensors there, but hyper-parameters may link anything. */
const DEEPEST = 200;

/** The state dict of a checkpoint. */
export interface StateDict {
  /** The key it was found under: `state_dict` (Lightning), `module` (DeepSpeed), or null: the whole file is one. */
  readonly under: string | null;
  /** What was cut off from the beginning of every name: `_forward_module.` in some DeepSpeed files, else empty. */
  readonly prefix: string;
  /** In file order. */
  readonly tensors: ReadonlyMap<string, TorchTensorRecord>;
}

/** The prefix that Lightning's DeepSpeed strategy puts before every name. */
const DEEPSPEED_PREFIX = "_forward_module.";

/**
 * The model's tensors, wherever the kind of checkpoint keeps them: `state_dict`, `module`, or the top level.
 * A top level that is no state dict gives every tensor in the file.
 */
export function findStateDict(root: unknown, file = "checkpoint"): StateDict {
  for (const under of ["state_dict", "module"]) {
    if (!(root instanceof Map) || !isContainer(root.get(under))) continue;
    const tensors = tensorsBelow(root, under, file);
    if (tensors.size === 0) continue;
    const prefix = [...tensors.keys()].every((name) => name.startsWith(DEEPSPEED_PREFIX)) ? DEEPSPEED_PREFIX : "";
    return { under, prefix, tensors: new Map([...tensors].map(([name, value]) => [name.slice(prefix.length), value])) };
  }
  return { under: null, prefix: "", tensors: tensorsBelow(root, null, file) };
}

/**
 * Every tensor below a key of `root` (null or left out: below `root` itself), in file order. Names of nested dicts, lists
 * and objects are joined by dots: `optimizer_states.0.state.3.exp_avg`. A container that occurs in several places is
 * looked into at the first, so cycles and other knots end. Empty if there is nothing at that key.
 */
export function tensorsBelow(
  root: unknown,
  under: string | null = null,
  file = "checkpoint",
): Map<string, TorchTensorRecord> {
  const start = under === null ? root : root instanceof Map ? (root as Map<unknown, unknown>).get(under) : undefined;
  const found = new Map<string, TorchTensorRecord>();
  const seen = new Set<unknown>();
  const walk = (value: unknown, name: string, depth: number): void => {
    if (value instanceof TorchTensorRecord) {
      if (found.has(name)) throw new FormatError(file, `two tensors are called ${JSON.stringify(name)}`);
      found.set(name, value);
      return;
    }
    const children = childrenOf(value);
    if (children === undefined || seen.has(value) || depth > DEEPEST) return;
    seen.add(value);
    for (const [key, child] of children) {
      if (isKey(key)) walk(child, name === "" ? String(key) : `${name}.${String(key)}`, depth + 1);
    }
  };
  walk(start, "", 0);
  return found;
}

function isContainer(value: unknown): boolean {
  return childrenOf(value) !== undefined;
}

function isKey(key: unknown): key is string | number | bigint {
  return typeof key === "string" || typeof key === "number" || typeof key === "bigint";
}

function childrenOf(value: unknown): Iterable<readonly [unknown, unknown]> | undefined {
  if (value instanceof Map) return value as Map<unknown, unknown>;
  if (Array.isArray(value)) return (value as unknown[]).entries();
  // A module saved whole (torch.save(model), TorchScript) keeps its tensors in its state; a defaultdict has entries.
  if (!(value instanceof PickleObject)) return undefined;
  return value.state instanceof Map ? (value.state as Map<unknown, unknown>) : value.entries;
}
