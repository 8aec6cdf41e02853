// How parameters are handed to an optimiser: as a list or by name, in groups that do not overlap.

import { invalid } from "@vid2world/formats";
import type { Parameter } from "../nn/parameter.js";

/** Parameters in order, or by name. Names (as from `module.namedParameters()`) become the keys of the saved state. */
export type ParameterSet = Iterable<Parameter> | ReadonlyMap<string, Parameter>;

/** Parameters by name; those without a name are called by their position. */
export function named(parameters: ParameterSet): Map<string, Parameter> {
  if (parameters instanceof Map) return new Map(parameters as ReadonlyMap<string, Parameter>);
  return new Map([...(parameters as Iterable<Parameter>)].map((parameter, index) => [String(index), parameter]));
}

/** Some parameters with hyperparameters of their own. */
export interface GroupOf<Hyperparameters> {
  readonly parameters: ParameterSet;
  readonly options?: Partial<Hyperparameters>;
}

/** A group as an optimiser holds it. The hyperparameters may be changed between steps. */
export interface ResolvedGroup<Hyperparameters> {
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly options: Hyperparameters;
}

/**
 * Fills in the defaults of every group and checks that no parameter and no name is in two of them. In lists, positions count
 * on from group to group, so that names stay unique.
 */
export function resolveGroups<Hyperparameters>(
  input: ParameterSet | readonly GroupOf<Hyperparameters>[],
  defaults: Hyperparameters,
): ResolvedGroup<Hyperparameters>[] {
  const groups = isGroups(input) ? input : [{ parameters: input }];
  const nameOf = new Map<Parameter, string>();
  const names = new Set<string>();
  return groups.map(({ parameters, options }, position) => {
    const group = new Map<string, Parameter>();
    const isNamed = parameters instanceof Map;
    for (const [ownName, parameter] of named(parameters)) {
      const name = isNamed ? ownName : String(names.size);
      const earlier = nameOf.get(parameter);
      if (earlier !== undefined)
        throw invalid("groups", `each parameter once; group ${position} has "${earlier}" again`, name);
      if (names.has(name)) throw invalid("groups", `each name once; group ${position} repeats it`, name);
      nameOf.set(parameter, name);
      names.add(name);
      group.set(name, parameter);
    }
    return { parameters: group, options: { ...defaults, ...options } };
  });
}

function isGroups<H>(input: ParameterSet | readonly GroupOf<H>[]): input is readonly GroupOf<H>[] {
  return (
    Array.isArray(input) &&
    input.length > 0 &&
    "parameters" in (input[0] as object) &&
    !("shape" in (input[0] as object))
  );
}
