// Names and shapes of a module's state as the original code has them, from a module that holds no memory.
import { initializing, type Module } from "@vid2world/torch";

import type { KeyMap } from "../../../model/key-maps/key-map.js";
import { compareExactly, refuted, type Check } from "../check.js";

/** Shapes by original name. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Builds a module on the meta device: names and shapes without memory. */
export const onMeta = <M extends Module>(build: () => M): M => initializing({ device: "meta", random: false }, build);

/** A module's shapes under their original names. A key that the map does not know stays as it is, marked. */
export function originalShapes(module: Module, map: KeyMap, prefix = ""): Map<string, readonly number[]> {
  const entries = [...module.stateDict()].map(([key, { shape }]) => {
    const original = map.toOriginal(key);
    const inverse = original !== undefined && map.toOurs(original) === key;
    return [inverse ? prefix + original : `(no original name) ${key}`, shape] as const;
  });
  return new Map(entries);
}

/** Number of elements of all parameters. */
export const countParameters = (module: Module): number =>
  module.parameters().reduce((sum, { numel }) => sum + numel, 0);

/** Two lists of names with shapes must be the same. */
export function compareShapes(name: string, actual: Shapes, expected: Shapes): Check {
  const missing = [...expected.keys()].filter((key) => !actual.has(key));
  const extra = [...actual.keys()].filter((key) => !expected.has(key));
  const unequal = [...expected].flatMap(([key, shape]) => {
    const got = actual.get(key);
    return got === undefined || got.join() === shape.join()
      ? []
      : [`${key} is [${got.join(", ")}], recorded [${shape.join(", ")}]`];
  });
  const faults = [...listed("not here", missing), ...listed("not recorded", extra), ...listed("shapes", unequal)];
  if (faults.length > 0) return refuted(name, faults.join("; "));
  return { ...compareExactly(name, true, ""), note: `${expected.size} names and shapes` };
}

const listed = (what: string, items: readonly string[]): string[] =>
  items.length === 0
    ? []
    : [`${what}: ${items.slice(0, 3).join(", ")}${items.length > 3 ? ` and ${items.length - 3} more` : ""}`];
