// The benchmarks with as few iterations as possible: that they run and judge, not what they measure.
import { describe, expect, test } from "vitest";
import { ratioOf, interleave, timesOf } from "../bench/timing.js";
import { findPyTorch } from "../bench/python.js";
import { forwardFlops, runFullStep, showFullStep } from "../bench/run-full-step.js";
import { openCase } from "../bench/cases.js";
import { runLoader, showLoader } from "../bench/run-loader.js";
import { judge, runMemory, showMemory } from "../bench/run-memory.js";
import { runMetrics, showMetrics, streamLimitKiB } from "../bench/run-metrics.js";
import { runNetworks } from "../bench/run-network.js";
import { runOperators, showOperators } from "../bench/run-operators.js";
import { showNetworks } from "../bench/show-network.js";
import type { MemoryPoint } from "../bench/protocol.js";

const found = await findPyTorch();
const missing = "missing" in found;

describe.skipIf(missing)(`against PyTorch (skipped without it: apt-get install python3-torch)`, () => {
  test("operators are timed on both sides", async () => {
    const result = await runOperators({ rounds: 1, perRound: 2 });
    expect(result.operators.every(({ ratio }) => ratio.median > 0)).toBe(true);
    expect(showOperators(result)).toContain("matrix product");
  });

  test.each(["forward", "train-step"] as const)("%s of the debug configuration is timed and equal", async (what) => {
    const result = await runNetworks({ what, cases: ["debug"], threads: 1, rounds: 1, perRound: 1, batch: 1 });
    const [debug] = result.results;
    expect(debug?.equality.flatMap(({ unequal }) => unequal)).toEqual([]);
    expect(debug?.ratio.memory).toBeGreaterThan(0);
    expect(showNetworks(result)).toContain("equal to rounding");
  });

  test("a training step in half precision, with everything recomputed, is timed on both sides", async () => {
    const how = { device: "cpu", precision: "bfloat16", checkpointing: "all", batch: 1, threads: 1 } as const;
    const result = await runFullStep({ case: "debug", ...how, rounds: 1, pytorch: true });
    expect(result.figures.map(({ side }) => side)).toEqual(["ours", "pytorch"]);
    expect(result.figures.every(({ teraflops, peakBytes }) => teraflops > 0 && peakBytes > 1e8)).toBe(true);
    expect(showFullStep(result)).toMatch(/recomputing all[\s\S]*ours \/ PyTorch: time/);
  });
});

test("operations grow in proportion to the clips", async () => {
  const [one, two] = [await openCase("debug", 1), await openCase("debug", 2)];
  const flops = forwardFlops(one.run.model, one);
  expect(flops).toBeGreaterThan(1e7);
  expect(forwardFlops(two.run.model, two)).toBe(2 * flops);
});

const modules = ["h5py", "PIL", "torchvision"];
const noModules = "missing" in (await findPyTorch(modules));

test.skipIf(noModules)(
  "both sides load the same frames and actions of every data set (skipped without h5py, PIL and torchvision for Python)",
  async () => {
    const result = await runLoader({ domains: ["rt1", "csgo", "recon"], workers: [1], rounds: 1, perRound: 1 });
    expect(result.results.map(({ equal }) => equal)).toEqual([true, true, true]);
    expect(showLoader(result)).toContain("yes");
  },
  300_000,
);

const withVision = "version" in (await findPyTorch(["torchvision"]));
test.skipIf(!withVision)(
  "metrics are timed on both sides and equal, and scoring a folder is looked at (skipped without PyTorch and torchvision)",
  async () => {
    const sizes = { frames: 2, height: 64, width: 72, vectors: 60, features: 20 };
    const metrics = ["lpips-alex"] as const;
    const result = await runMetrics({ ...sizes, metrics, rounds: 1, threads: 1, clips: [2] });
    for (const { metric, difference, ours } of result.results) {
      expect(difference, metric).toBeLessThan(1e-4);
      expect(ours.time.median).toBeGreaterThan(0);
    }
    expect(result.stream[0]?.peakKiB).toBeLessThan(streamLimitKiB);
    expect(showMetrics(result)).toMatch(/lpips-alex[\s\S]*2 clips of 16 frames/);
  },
);

test("memory is looked at while sampling and training", async () => {
  const result = await runMemory({ samplingSteps: 120, trainingSteps: 4, threads: 1 });
  expect(result.curves.map(({ tensorsEqual }) => tensorsEqual)).toEqual([true, true]);
  expect(showMemory(result)).toContain("live tensors equal");
});

describe("the judgement of memory", () => {
  const point = (step: number, residentKiB: number, liveTensors = 5): MemoryPoint => ({
    step,
    liveTensors,
    liveBytes: 9,
    residentKiB,
  });

  test("growth in the warm-up does not count, later growth does", () => {
    expect(judge([point(1, 50), point(2, 100), point(3, 101), point(4, 101)]).flat).toBe(true);
    expect(judge([point(1, 50), point(2, 100), point(3, 101), point(4, 103)]).flat).toBe(false);
  });

  test("one more tensor is not flat", () => {
    expect(judge([point(1, 100), point(2, 100), point(3, 100), point(4, 100, 6)])).toMatchObject({
      tensorsEqual: false,
      flat: false,
    });
  });
});

test("sides take turns, and ratios are ours by theirs", async () => {
  const order: string[] = [];
  const side = (name: string) => (): Promise<number> => Promise.resolve(order.push(name));
  await interleave([side("a"), side("b")], 2);
  expect(order).toEqual(["a", "b", "a", "b"]);
  expect(ratioOf(timesOf([1, 2, 6]), timesOf([4, 2]))).toEqual({ median: 2 / 3, minimum: 0.5 });
});
