// Layout changes written as a pattern: permute, merge and split axes by name. The only way this repository changes layouts.

import { invalid } from "@vid2world/formats";
import type { Tensor } from "./tensor.js";

/** Lengths of named axes. A split such as `(b t)` needs all of its axes but one. */
export type AxisSizes = Readonly<Record<string, number>>;

/** One position of one side of a pattern: the axes that are merged there, outermost first. Empty means a unit axis. */
type Group = readonly string[];

interface Plan {
  readonly pattern: string;
  readonly left: readonly Group[];
  readonly right: readonly Group[];
  /** Axes on the left in order of appearance. */
  readonly axes: readonly string[];
  /** For each axis on the right, its position in `axes`. */
  readonly order: readonly number[];
}

const plans = new Map<string, Plan>();

/**
 * Permutes, merges and splits axes: `rearrange(x_BTCHW, "b t c h w -> (b t) c h w")` and back with
 * `rearrange(y, "(b t) c h w -> b t c h w", { b: 2 })`. `1` stands for an axis of length one, on either side.
 * Returns a view where the memory layout allows it, a copy otherwise. Patterns are parsed once and cached.
 */
export function rearrange(x: Tensor, pattern: string, sizes: AxisSizes = {}): Tensor {
  const { split, order, merged } = stepsFor(pattern, x.shape, sizes);
  if (order === undefined) return x.reshape(merged as number[]);
  const parts = split === undefined ? x : x.reshape(split);
  const permuted = parts.permute(order);
  if (parts !== x) parts.dispose();
  if (merged === undefined) return permuted;
  const result = permuted.reshape(merged);
  permuted.dispose();
  return result;
}

/** What is done to a tensor of one shape; a step that changes nothing is undefined. `merged` is there if `order` is not. */
interface Steps {
  readonly split: number[] | undefined;
  readonly order: number[] | undefined;
  readonly merged: number[] | undefined;
}

/** What a pattern was asked for. */
interface Asked {
  readonly shape: readonly number[];
  readonly sizes: AxisSizes;
  readonly steps: Steps;
}

/** By pattern. Layers ask the same few hundred things again and again, and neither asking nor a key of text may cost more than a view. */
const asked = new Map<string, Asked[]>();
const MOST_SHAPES = 64;

function stepsFor(pattern: string, shape: readonly number[], sizes: AxisSizes): Steps {
  let known = asked.get(pattern);
  if (known === undefined) asked.set(pattern, (known = []));
  for (const one of known) if (isEqual(one.shape, shape) && hasEqual(one.sizes, sizes)) return one.steps;
  const steps = makeSteps(planFor(pattern), shape, sizes);
  if (known.length >= MOST_SHAPES) known.length = 0;
  known.push({ shape, sizes: { ...sizes }, steps });
  return steps;
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function hasEqual(a: AxisSizes, b: AxisSizes): boolean {
  for (const axis in a) if (a[axis] !== b[axis]) return false;
  for (const axis in b) if (!(axis in a)) return false;
  return true;
}

function makeSteps(plan: Plan, shape: readonly number[], sizes: AxisSizes): Steps {
  const lengths = axisLengths(plan, shape, sizes);
  const lengthOf = (axis: string): number => lengths.get(axis) as number;
  const merged = plan.right.map((group) => product(group.map(lengthOf)));
  if (plan.order.every((from, to) => from === to)) return { split: undefined, order: undefined, merged };
  return {
    split: plan.left.some((group) => group.length !== 1) ? plan.axes.map(lengthOf) : undefined,
    order: [...plan.order],
    merged: plan.right.some((group) => group.length !== 1) ? merged : undefined,
  };
}

function planFor(pattern: string): Plan {
  const cached = plans.get(pattern);
  if (cached !== undefined) return cached;
  const sides = pattern.split("->");
  if (sides.length !== 2) throw invalid("pattern", 'two sides joined by "->"', pattern);
  const left = parseSide(sides[0] as string, pattern);
  const right = parseSide(sides[1] as string, pattern);
  const axes = left.flat();
  const kept = right.flat();
  for (const axis of axes) {
    if (!kept.includes(axis))
      throw invalid("pattern", `axis "${axis}" on the right side as well as on the left`, pattern);
  }
  for (const axis of kept) {
    if (!axes.includes(axis))
      throw invalid("pattern", `axis "${axis}" on the left side as well as on the right`, pattern);
  }
  const plan = { pattern, left, right, axes, order: kept.map((axis) => axes.indexOf(axis)) };
  plans.set(pattern, plan);
  return plan;
}

function parseSide(text: string, pattern: string): Group[] {
  const groups: Group[] = [];
  const seen = new Set<string>();
  let open: string[] | undefined;
  for (const token of text.match(/[()]|[^\s()]+/g) ?? []) {
    if (token === "(") {
      if (open !== undefined) throw invalid("pattern", "parentheses that are not nested", pattern);
      open = [];
    } else if (token === ")") {
      if (open === undefined) throw invalid("pattern", 'a "(" before every ")"', pattern);
      groups.push(open);
      open = undefined;
    } else if (token === "1") {
      if (open === undefined) groups.push([]);
    } else {
      if (!/^[A-Za-z]\w*$/.test(token))
        throw invalid("pattern", `axis names of letters and digits instead of "${token}"`, pattern);
      if (seen.has(token)) throw invalid("pattern", `axis "${token}" only once on each side`, pattern);
      seen.add(token);
      if (open !== undefined) open.push(token);
      else groups.push([token]);
    }
  }
  if (open !== undefined) throw invalid("pattern", 'a ")" for every "("', pattern);
  return groups;
}

/** The length of every axis, from the tensor's shape and the given sizes; throws where they disagree. */
function axisLengths(plan: Plan, shape: readonly number[], sizes: AxisSizes): Map<string, number> {
  const { pattern, left } = plan;
  if (left.length !== shape.length) {
    throw invalid("x", `${left.length} axes for the pattern "${pattern}"`, `shape [${shape.join(", ")}]`);
  }
  for (const [axis, size] of Object.entries(sizes)) {
    if (!plan.axes.includes(axis)) throw invalid("sizes", `axes of the pattern "${pattern}"`, axis);
    if (!Number.isInteger(size) || size < 0) throw invalid(`sizes.${axis}`, "an integer >= 0", size);
  }
  const lengths = new Map(Object.entries(sizes));
  for (const [position, group] of left.entries()) {
    const length = shape[position] as number;
    const unknown = group.filter((axis) => !lengths.has(axis));
    const known = product(group.map((axis) => lengths.get(axis) ?? 1));
    const where = `axis ${position} of x, "${group.length === 0 ? "1" : group.join(" ")}" in "${pattern}"`;
    if (unknown.length > 1)
      throw invalid("sizes", `lengths for all but one of ${unknown.join(", ")} in "${pattern}"`, sizes);
    const rest = unknown[0];
    if (rest === undefined) {
      if (known !== length) throw invalid(where, `length ${known}`, length);
    } else {
      if (known === 0 || length % known !== 0)
        throw invalid(where, `a multiple of ${known} to split off "${rest}"`, length);
      lengths.set(rest, length / known);
    }
  }
  return lengths;
}

function product(values: readonly number[]): number {
  return values.reduce((total, value) => total * value, 1);
}
