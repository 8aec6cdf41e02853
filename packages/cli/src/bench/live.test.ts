// The benchmarks of live play with as few iterations as possible: that they run, judge and tell, not what they measure.
import { expect, test } from "vitest";
import { WorldModel, worldSchema } from "@vid2world/world";
import { standInGraphs } from "@vid2world/world/model/testing/stand-in-graph";
import { tinyAutoencoder, tinyUNet } from "@vid2world/world/model/testing/tiny-options";
import { timePlainFrames } from "./plain-frames.js";
import { findPyTorch } from "./python.js";
import { randomParts } from "./random-world.js";
import { bytesOf, flopsOf, runCount, showCount } from "./run-count.js";
import { runFull, showFull } from "./run-full.js";
import { runLatency, showLatency } from "./run-latency.js";
import { runSessions, showSessions } from "./run-sessions.js";
import { quantile } from "./timing.js";

test("the ladder times what fits its limit, and estimates and says so of what does not", async () => {
  const common = { case: "debug", device: "cpu", dtype: "float32", steps: [2], frames: 1, threads: 1 } as const;
  const result = await runFull({ ...common, limit: 0.001, pytorch: false });
  expect(result.figures.map(({ name, steps, frames }) => [name, steps, frames])).toEqual([
    ["R0", 50, 0],
    ["R1", 50, 0],
    ["R2", 2, 0],
  ]);
  for (const { perFrame, p50 } of result.figures) expect(perFrame).toBeGreaterThanOrEqual(p50);
  expect(showFull(result)).toMatch(/R1 +streaming, 50 steps, guidance .*estimated +need CUDA/);
  expect(showFull(result)).toMatch(/No CUDA graphs: .*false on cpu: CUDA graphs need a CUDA device/);
});

test("where there are CUDA graphs, every streamed rung is timed with and without, and frames are compared", async () => {
  const common = { case: "debug", device: "cpu", dtype: "float32", steps: [2], frames: 1, threads: 1 } as const;
  const { capture, counts } = standInGraphs();
  const result = await runFull({ ...common, limit: 0.001, pytorch: false, capture });
  expect(result.figures.map(({ name, steps, graphs }) => [name, steps, graphs])).toEqual([
    ["R0", 50, false],
    ["R1", 50, true],
    ["R2", 2, true],
    ["R1", 50, false],
    ["R2", 2, false],
  ]);
  expect(result.cudaGraphs).toEqual({ deviation: 0 });
  expect(counts).toMatchObject({ captured: 2, alive: 0 }); // guided, remembered
  expect(showFull(result)).toMatch(/R1 .* with *\n[\s\S]*R1 .* without *\n[\s\S]*differs from the one without by 0/);
});

test("a random world with a text context gets random tokens, and plays in bfloat16", () => {
  const unet = { ...tinyUNet, contextDim: 8, textTokens: 4, imageTokensPerFrame: 2, temporalLength: 3, actionDim: 2 };
  const frame = { width: 16, height: 16, fps: 3 };
  const config = worldSchema.parse({ name: "tiny", frame, autoencoder: tinyAutoencoder, unet });
  const parts = randomParts(config, { device: "cpu", dtype: "bfloat16" });
  for (const evaluation of ["window", "streaming"] as const) {
    using world = new WorldModel(parts, { sampler: { evaluation, numSteps: 1, historyLevel: 39 } });
    world.reset({ frames: new Uint8Array(2 * 16 * 16 * 3).fill(90) });
    expect(new Set(world.step()).size).toBeGreaterThan(1);
  }
  parts.stream?.dispose();
});

test.skipIf("missing" in (await findPyTorch()))(
  "plain PyTorch makes the same frame of a network as the published one (skipped without PyTorch for Python)",
  async () => {
    const unet = { ...tinyUNet, contextDim: 8, textTokens: 4, imageTokensPerFrame: 2, actionDim: 2 };
    const sizes = { ...unet, modelChannels: 16, headChannels: 16, normGroups: 4, temporalLength: 3 };
    const frame = { width: 16, height: 16, fps: 3 };
    const config = worldSchema.parse({ name: "tiny", frame, autoencoder: tinyAutoencoder, unet: sizes });
    const parts = randomParts(config, { device: "cpu", dtype: "float32" });
    const options = { context: 2, steps: 3, frames: 1, limit: 60, threads: 1 } as const;
    const found = await timePlainFrames(parts, { ...options, device: "cpu", dtype: "float32" });
    expect(found).toMatchObject({ figures: { frames: 1 } });
    expect("deviation" in found && found.deviation).toBeLessThan(1e-4);
    parts.stream?.dispose();
  },
  60_000,
);

test("latency is told by sampler, for a network without recordings too", async () => {
  const options = { world: "doom", case: "debug", steps: [2, 1], rounds: 1, slowRounds: 1, threads: 1 } as const;
  const result = await runLatency({ ...options, onProgress: () => undefined });
  expect(result.figures.map(({ name }) => name)).toEqual([
    "window, 2 steps",
    "streaming, 2 steps",
    "streaming, 1 steps",
  ]);
  for (const { p50, p99, framesPerSecond } of result.figures)
    expect([p50 <= p99, framesPerSecond <= 1000 / p50]).toEqual([true, true]);
  expect(showLatency(result)).toMatch(/^debug /);
});

test("several sessions as one batch hold memory in proportion", async () => {
  const result = await runSessions({ case: "debug", sessions: [1, 2], context: 2, rounds: 1, threads: 1 });
  const [one, two] = result.figures;
  expect(two?.memoryBytes).toBe(2 * (one?.memoryBytes ?? NaN));
  expect(showSessions(result)).toContain("debug, context 2");
});

test("a new frame counts fewer operations than its window", async () => {
  const result = await runCount({ cases: ["debug"], context: 2, rounds: 1, threads: 1 });
  const [{ newFrame, window, beginning }] = result.cases as [(typeof result.cases)[0]];
  expect(beginning.calls).toBeGreaterThan(window.calls);
  expect(newFrame.flops).toBeLessThan(window.flops);
  expect(window.flops / newFrame.flops).toBeLessThan(4);
  expect(showCount(result)).toContain("debug: new frame after 2");
  const { debug, full } = result.held as Record<"debug" | "full", (typeof result.held)[string]>;
  expect(debug.scene).toBe(0);
  // 1.44 billion numbers; keys and values of 12,480 channels for 333 tokens of either branch.
  expect([full.weights, full.scene]).toEqual([4 * 1_440_910_020, 2 * 4 * 333 * 2 * 12_480]);
  expect(full.kernels + full.layouts).toBeLessThan(full.weights);
});

test("operations are counted from shapes, views move nothing", () => {
  const call = (operator: string, given: number[][], made: number[]) =>
    ({ operator, arguments: given, results: [made] }) as Parameters<typeof flopsOf>[0];
  expect(
    flopsOf(
      call(
        "mm",
        [
          [2, 3],
          [3, 4],
        ],
        [2, 4],
      ),
    ),
  ).toBe(2 * 2 * 3 * 4);
  expect(
    flopsOf(
      call(
        "conv2d",
        [
          [1, 3, 8, 8],
          [5, 3, 3, 3],
        ],
        [1, 5, 8, 8],
      ),
    ),
  ).toBe(2 * 5 * 64 * 27);
  expect(
    flopsOf(
      call(
        "add",
        [
          [2, 3],
          [2, 3],
        ],
        [2, 3],
      ),
    ),
  ).toBe(0);
  expect(
    bytesOf(
      call(
        "add",
        [
          [2, 3],
          [2, 3],
        ],
        [2, 3],
      ),
    ),
  ).toBe(4 * 18);
  expect(bytesOf(call("permute", [[2, 3]], [3, 2]))).toBe(0);
});

test("a quantile is the smallest value that enough others do not exceed", () => {
  expect([0.5, 0.95, 1].map((share) => quantile([4, 1, 3, 2], share))).toEqual([2, 4, 4]);
});
