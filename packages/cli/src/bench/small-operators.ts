// The small operator calls that are timed: from JavaScript to JavaScript, on 2x2 tensors, so that the border is all that is seen.
import { cat, full, layerNorm, ones, scope, zeros, type Tensor } from "@vid2world/torch";

/** Calls between two looks at the clock, all in one scope: freeing them is part of the time. */
const CALLS_PER_ROUND = 100;

type Call = (x: Tensor, y: Tensor) => unknown;

/** By the same names as in benchmarks/python/plain_world/operators.py. */
const CALLS: Readonly<Record<string, Call>> = {
  add: (x, y) => x.add(y),
  "add in place": (x, y) => x.add_(y),
  "multiply by a number": (x) => x.mul(2.5),
  sum: (x) => x.sum(),
  "sum over an axis": (x) => x.sum([0]),
  "mean over an axis": (x) => x.mean([0], { keepdim: true }),
  "matrix product": (x, y) => x.matmul(y),
  silu: (x) => x.silu(),
  softmax: (x) => x.softmax(-1),
  reshape: (x) => x.reshape([4]),
  permute: (x) => x.permute([1, 0]),
  narrow: (x) => x.narrow(0, 0, 1),
  concatenate: (x, y) => cat([x, y], { dim: 0 }),
  "layer norm": (x) => layerNorm(x, [2]),
  zeros: () => zeros([2, 2]),
  shape: (x) => x.shape,
};

/** Names of all timed operators. */
export const operatorNames: readonly string[] = Object.keys(CALLS);

/** Microseconds per call, one number per round. */
export function timeOperator(name: string, rounds: number): number[] {
  const call = CALLS[name];
  if (call === undefined) throw new Error(`no timed operator is called ${name}`);
  return scope(() => {
    const [x, y] = [ones([2, 2]), full([2, 2], 0.5)];
    return Array.from({ length: rounds }, () => {
      const begun = process.hrtime.bigint();
      scope(() => {
        for (let i = 0; i < CALLS_PER_ROUND; i++) call(x, y);
      });
      return Number(process.hrtime.bigint() - begun) / 1000 / CALLS_PER_ROUND;
    });
  });
}
