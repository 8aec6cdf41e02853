// Key maps: the names of the original checkpoints, and ours, as one table that is read in both directions.
import { invalid } from "@vid2world/formats";

/** A pair of module paths, or of whole keys: the original's and ours. */
export type KeyPair = readonly [original: string, ours: string];

/** A bijection between the keys of an original checkpoint and ours. */
export interface KeyMap {
  /** Our name of an original key; undefined where this map does not know it. */
  toOurs(original: string): string | undefined;
  /** The original name of one of our keys; undefined where this map does not know it. */
  toOriginal(ours: string): string | undefined;
}

/** Builds a map from pairs of module paths: what follows the last dot (`weight`, `bias`) is the same on both sides. */
export function makeKeyMap(pairs: readonly KeyPair[]): KeyMap {
  const ours = new Map(pairs);
  const originals = new Map(pairs.map(([original, name]) => [name, original]));
  if (ours.size !== pairs.length || originals.size !== pairs.length) {
    throw invalid("pairs", "a bijection", "a table in which a name appears twice");
  }
  return {
    toOurs: (original) => translate(ours, original),
    toOriginal: (name) => translate(originals, name),
  };
}

function translate(table: ReadonlyMap<string, string>, key: string): string | undefined {
  const whole = table.get(key);
  if (whole !== undefined) return whole;
  const dot = key.lastIndexOf(".");
  const path = table.get(key.slice(0, dot));
  return path === undefined || dot < 0 ? undefined : path + key.slice(dot);
}

/** Pairs below a module: prefixes both sides of each pair. */
export function under(original: string, ours: string, pairs: readonly KeyPair[]): KeyPair[] {
  return pairs.map(([from, to]) => [`${original}.${from}`, `${ours}.${to}`]);
}

/** Result of renaming a whole state. */
export interface RenamedState<Value> {
  readonly state: Map<string, Value>;
  /** Keys that the map does not know. */
  readonly unknown: readonly string[];
}

/** Renames the keys of a state; `prefix` (with its dot) is what the original's keys start with. Keys without it are unknown. */
export function renameState<Value>(
  state: ReadonlyMap<string, Value>,
  map: KeyMap,
  direction: "toOurs" | "toOriginal",
  prefix = "",
): RenamedState<Value> {
  const renamed = new Map<string, Value>();
  const unknown: string[] = [];
  for (const [key, value] of state) {
    const name = direction === "toOriginal" ? map.toOriginal(key) : unprefixed(key, prefix, map);
    if (name === undefined) unknown.push(key);
    else renamed.set(direction === "toOriginal" ? prefix + name : name, value);
  }
  return { state: renamed, unknown };
}

function unprefixed(key: string, prefix: string, map: KeyMap): string | undefined {
  return key.startsWith(prefix) ? map.toOurs(key.slice(prefix.length)) : undefined;
}
