// CUDA graphs: what stays where it is, what is refused without a device, that this code compiles where nothing builds it; and, where there
// is a device, that replays give the numbers of runs.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  FixedTensors,
  type Tensor,
  TorchError,
  captureCudaGraph,
  cuda,
  hasCudaGraphs,
  liveTensors,
  noGrad,
  randn,
  scope,
  trace,
  zeros,
} from "./index.js";

test("fixed tensors take new values where they are, in their own layout, and are freed", () => {
  const before = liveTensors();
  scope(() => {
    const like = [randn([2, 3]).transpose(0, 1), zeros([4], { dtype: "int64" })];
    const fixed = new FixedTensors(like);
    const [first, second] = fixed.tensors as [Tensor, Tensor];
    const seen = first.select(0, 1); // shares its memory, as a graph would
    const values = [randn([3, 2]), zeros([4], { dtype: "int64" }).add(7)] as [Tensor, Tensor];
    fixed.write(values);
    expect(seen.toNumbers()).toEqual(values[0].select(0, 1).toNumbers());
    expect(second.toNumbers()).toEqual([7, 7, 7, 7]);
    expect(first.strides).toEqual(like[0]?.strides);
    expect(() => fixed.write([randn([1, 2]), values[1]])).toThrow(/values\[0\]: expected the shape 3x2/);
    expect(() => fixed.write([])).toThrow(/2 tensors/);
    fixed.dispose();
  });
  expect(liveTensors()).toBe(before);
});

test.skipIf(cuda.isAvailable())("without a CUDA device a capture is refused and says why (skipped with one)", () => {
  noGrad(() => {
    using x = zeros([2]);
    const { trace: traced, outputs } = trace([x], () => [x.add(1)]);
    outputs.forEach((output) => output.dispose());
    const reason = hasCudaGraphs()
      ? /CUDA graph: all inputs must lie on one CUDA device; input 0 is .* cpu/
      : /CUDA graph: this build has no CUDA graphs: .*npm run build:native/;
    expect(() => captureCudaGraph(traced, [x])).toThrow(reason);
    expect(() => captureCudaGraph(traced, [x])).toThrow(TorchError);
  });
});

const libtorch = process.env["LIBTORCH"];

test.skipIf(libtorch === undefined)(
  "what only builds with CUDA contain compiles, and libtorch's CUDA libraries export what it needs (skipped without LIBTORCH)",
  ({ skip }) => {
    const script = join(import.meta.dirname, "../native/check-cuda.mjs");
    const { status, stdout } = spawnSync(process.execPath, [script, libtorch as string], { encoding: "utf8" });
    if (status === 3) skip(stdout);
    expect(stdout).toMatch(/export all \d+ symbols/);
    expect(status).toBe(0);
  },
  300_000,
);

describe.skipIf(!hasCudaGraphs() || !cuda.isAvailable())("on a CUDA device (skipped without one)", () => {
  const device = "cuda:0";

  /** The numbers of a graph of `body` and of its run, for some inputs after the one it was captured with. */
  const compared = (body: (x: Tensor) => Tensor): void => {
    const example = randn([64, 64]).to(device);
    const { trace: traced } = trace([example], () => [body(example)]);
    const fixed = new FixedTensors([example]);
    const graph = captureCudaGraph(traced, fixed.tensors);
    for (let i = 0; i < 3; i++) {
      const x = randn([64, 64]).to(device);
      fixed.write([x]);
      graph.replay();
      expect(graph.outputs[0]?.toNumbers()).toEqual(traced.run([x])[0]?.toNumbers());
    }
    graph.dispose();
    fixed.dispose();
  };

  test("replays give the numbers of runs, one graph after another", () => {
    noGrad(() =>
      scope(() => {
        compared((x) => x.matmul(x).softmax(-1).matmul(x));
        compared((x) =>
          x
            .silu()
            .mul(2)
            .sub(x.mean([1], { keepdim: true })),
        );
      }),
    );
  });

  test("a call that waits for the device is named, and the next capture is not disturbed", () => {
    noGrad(() =>
      scope(() => {
        const x = randn([4]).to(device);
        const { trace: waiting } = trace([x], () => [x.to("cpu").add(1)]);
        expect(() => captureCudaGraph(waiting, [x])).toThrow(/CUDA graph, at to/);
        compared((y) => y.matmul(y));
      }),
    );
  });
});
