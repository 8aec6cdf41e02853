// Layout patterns: against index arithmetic on random patterns, the views they give, and their errors.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assertClose } from "./allclose.js";
import { arange, liveTensors, scope, type Tensor } from "./index.js";
import { rearrange } from "./rearrange.js";

const names = ["a", "b", "c", "d", "e"];

/** A random list of axis names cut into random groups, and how it is written. */
const side = (axes: string[]): fc.Arbitrary<string[][]> =>
  fc
    .tuple(
      fc.shuffledSubarray(axes, { minLength: axes.length }),
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 }),
    )
    .map(([order, cuts]) => {
      const groups: string[][] = [[]];
      order.forEach((axis, i) => {
        if (cuts[i] === 0) groups.push([axis]);
        else (groups.at(-1) as string[]).push(axis);
      });
      return cuts[7] === 1 ? groups : groups.filter((group) => group.length > 0);
    });

const written = (groups: string[][]): string =>
  groups.map((group) => (group.length === 1 ? (group[0] as string) : `(${group.join(" ")})`)).join(" ");

const pattern = fc
  .integer({ min: 1, max: 5 })
  .chain((count) => {
    const axes = names.slice(0, count);
    return fc.tuple(
      fc.constant(axes),
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: count, maxLength: count }),
      side(axes),
      side(axes),
    );
  })
  .map(([axes, lengths, left, right]) => ({
    sizes: Object.fromEntries(axes.map((axis, i) => [axis, lengths[i] as number])),
    left,
    right,
  }));

/** The value that each element of the result must have: its position on the left side. */
function expectedValues(sizes: Record<string, number>, left: string[], right: string[]): number[] {
  const walk = (axes: string[], index: Record<string, number>): number[] => {
    const [axis, ...rest] = axes;
    if (axis === undefined)
      return [left.reduce((position, name) => position * (sizes[name] as number) + (index[name] as number), 0)];
    return Array.from({ length: sizes[axis] as number }, (_, i) => walk(rest, { ...index, [axis]: i })).flat();
  };
  return walk(right, {});
}

test("every pattern moves each element where index arithmetic says", () => {
  fc.assert(
    fc.property(pattern, ({ sizes, left, right }) => {
      const lengthOf = (group: string[]): number => group.reduce((total, axis) => total * (sizes[axis] as number), 1);
      scope(() => {
        const count = lengthOf(left.flat());
        const x = arange(count).reshape(left.map(lengthOf));
        const y = rearrange(x, `${written(left)} -> ${written(right)}`, sizes);
        expect(y.shape).toEqual(right.map(lengthOf));
        assertClose(y, new Float32Array(expectedValues(sizes, left.flat(), right.flat())));
        const back = rearrange(y, `${written(right)} -> ${written(left)}`, sizes);
        assertClose(back, x, { rtol: 0, atol: 0 });
      });
    }),
    { numRuns: 200 },
  );
});

describe("rearrange", () => {
  const x = (): Tensor => arange(24).reshape([2, 3, 4]);

  test("infers the one length of a split that is not given", () => {
    expect(rearrange(x(), "a b (c d) -> (a c) (d b)", { d: 2 }).shape).toEqual([4, 6]);
    expect(rearrange(x(), "(a z) b c -> z a b c", { a: 1 }).shape).toEqual([2, 1, 3, 4]);
  });

  test("adds and removes unit axes", () => {
    expect(rearrange(x(), "a b c -> a 1 b () c").shape).toEqual([2, 1, 3, 1, 4]);
    expect(rearrange(arange(3).reshape([1, 3]), "1 a -> a").shape).toEqual([3]);
  });

  test("passes gradients", () => {
    const input = x().float().requiresGrad_();
    rearrange(input, "a b c -> (c a) b").select(0, 1).sum().backward();
    expect(input.grad?.sum().item()).toBe(3);
  });

  test("keeps only its result alive", () => {
    const input = x();
    const before = liveTensors();
    rearrange(input, "a (b z) c -> (c a) b z", { z: 1 }).dispose();
    expect(liveTensors()).toBe(before);
  });

  test.each([
    ["a b c", "pattern: expected two sides"],
    ["a b c -> a b", 'axis "c" on the right side as well as on the left'],
    ["a b c -> a b c d", 'axis "d" on the left side as well as on the right'],
    ["a a c -> a c", 'axis "a" only once on each side'],
    ["a (b c -> a b c", 'a ")" for every "("'],
    ["a b) c -> a b c", 'a "(" before every ")"'],
    ["a ((b) c) -> a b c", "parentheses that are not nested"],
    ["... c -> c ...", 'axis names of letters and digits instead of "..."'],
    ["a b -> b a", '2 axes for the pattern "a b -> b a", received "shape [2, 3, 4]"'],
    ["a b (c d e) -> a b c d e", "lengths for all but one of c, d, e"],
    ["a 1 c -> a c", 'axis 1 of x, "1" in "a 1 c -> a c": expected length 1, received 3'],
  ])("%s is refused", (text, message) => {
    expect(() => rearrange(x(), text)).toThrow(message);
  });

  test("sizes that do not fit are refused by the name of their axis", () => {
    expect(() => rearrange(x(), "a b (c d) -> a b c d", { c: 3 })).toThrow(
      'a multiple of 3 to split off "d", received 4',
    );
    expect(() => rearrange(x(), "a b c -> c b a", { b: 4 })).toThrow("expected length 4, received 3");
    expect(() => rearrange(x(), "a b c -> c b a", { q: 4 })).toThrow(
      'axes of the pattern "a b c -> c b a", received "q"',
    );
    expect(() => rearrange(x(), "a b c -> c b a", { b: 1.5 })).toThrow(
      "sizes.b: expected an integer >= 0, received 1.5",
    );
  });
});
