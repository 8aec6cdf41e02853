// `bench ops`: microseconds per small operator call, in JavaScript and in Python, on the same libtorch.
import { circumstances, type Circumstances } from "./circumstances.js";
import { startOurs } from "./peer.js";
import { startPyTorch } from "./python.js";
import { operatorNames } from "./small-operators.js";
import { textTable } from "@vid2world/formats/text-table";
import { interleave, ratioOf, timesOf, type Ratio, type Times } from "./timing.js";

/** What `bench ops` found. Times are microseconds per call. */
export interface OperatorsResult extends Circumstances {
  readonly benchmark: "ops";
  readonly operators: readonly {
    readonly name: string;
    readonly ours: Times;
    readonly pytorch: Times;
    readonly ratio: Ratio;
  }[];
  /** Means over the operators. */
  readonly mean: { readonly ours: number; readonly pytorch: number; readonly ratio: number };
}

/** How long to measure. */
export interface OperatorsOptions {
  /** Turns that the two sides take per operator. */
  readonly rounds: number;
  /** Measurements (of 100 calls) per turn. */
  readonly perRound?: number;
}

/** Runs the benchmark. One thread: more have nothing to do on 2x2 tensors. */
export async function runOperators({ rounds, perRound = 50 }: OperatorsOptions): Promise<OperatorsResult> {
  await using ours = startOurs(1);
  await using theirs = startPyTorch(1);
  const [us, them] = [
    await ours.ask({ request: "hello", threads: 1 }),
    await theirs.ask({ request: "hello", threads: 1 }),
  ];
  const operators: OperatorsResult["operators"][number][] = [];
  for (const name of operatorNames) {
    const sides = [ours, theirs].map((peer) => async (): Promise<readonly number[]> => {
      return (await peer.ask({ request: "operator", name, rounds: perRound })).times;
    });
    await interleave(sides, 1); // warm
    const [mine = [], yours = []] = await interleave(sides, rounds);
    const [a, b] = [timesOf(mine.flat()), timesOf(yours.flat())];
    operators.push({ name, ours: a, pytorch: b, ratio: ratioOf(a, b) });
  }
  const mean = (of: (row: OperatorsResult["operators"][number]) => number): number =>
    operators.reduce((sum, row) => sum + of(row), 0) / operators.length;
  const [meanOurs, meanTheirs] = [mean((row) => row.ours.median), mean((row) => row.pytorch.median)];
  return {
    benchmark: "ops",
    ...circumstances(1, { libtorch: us.torch, pytorch: them.torch }),
    operators,
    mean: { ours: meanOurs, pytorch: meanTheirs, ratio: meanOurs / meanTheirs },
  };
}

/** The result for the terminal. */
export function showOperators({ operators, mean }: OperatorsResult): string {
  const us = (value: number): string => value.toFixed(2);
  return textTable([
    ["us per call (median)", "ours", "PyTorch", "ratio", "ratio of minima"],
    ...operators.map(({ name, ours, pytorch, ratio }) => [
      ...[name, us(ours.median), us(pytorch.median)],
      ...[us(ratio.median), us(ratio.minimum)],
    ]),
    ["mean", us(mean.ours), us(mean.pytorch), us(mean.ratio), ""],
  ]);
}
