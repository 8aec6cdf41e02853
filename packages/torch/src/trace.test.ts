// Traces: the same numbers as the evaluation they were made from, on other inputs, and nothing left behind.
import { expect, test } from "vitest";
import {
  Conv2d,
  Linear,
  type Tensor,
  WeightLayouts,
  assertClose,
  cat,
  liveTensors,
  noGrad,
  randn,
  scope,
  trace,
  zeros,
} from "./index.js";

const layer = new Linear(4, 6);
const body = (x: Tensor, past: Tensor): Tensor[] => {
  const [a, b] = layer.forward(x).silu().chunk(2, { dim: -1 }) as [Tensor, Tensor];
  const joined = cat([past, a.mul(b).unsqueeze(0)]);
  return [joined.sum([0]), joined, x];
};

test("a run gives what the evaluation gives, for other inputs and changed weights", () => {
  noGrad(() =>
    scope(() => {
      const [x, past] = [randn([2, 4]), randn([3, 2, 3])];
      const { trace: traced, outputs } = trace([x, past], () => scope(() => body(x, past)));
      expect(outputs).toHaveLength(3);
      for (let i = 0; i < 3; i++) {
        const [other, before] = [randn([2, 4]), randn([3, 2, 3])];
        if (i === 2) layer.weight.copy_(randn([6, 4]));
        const [sum, joined, same] = traced.run([other, before]);
        const [sumExpected, joinedExpected] = body(other, before);
        assertClose(sum as Tensor, sumExpected as Tensor, { atol: 0, rtol: 0 });
        assertClose(joined as Tensor, joinedExpected as Tensor, { atol: 0, rtol: 0 });
        assertClose(same as Tensor, other, { atol: 0, rtol: 0 });
      }
    }),
  );
});

test("its calls are told with the shapes that they saw", () => {
  noGrad(() =>
    scope(() => {
      const x = zeros([2, 4]);
      const { trace: traced } = trace([x], () => [layer.forward(x).silu()]);
      expect(traced.calls()).toEqual([
        { operator: "linear", arguments: [[2, 4], [6, 4], [6]], results: [[2, 6]] }, // prettier-ignore
        { operator: "silu", arguments: [[2, 6]], results: [[2, 6]] },
      ]);
    }),
  );
});

test("runs leave no tensors behind", () => {
  noGrad(() => {
    using x = randn([2, 4]);
    using past = randn([3, 2, 3]);
    const { trace: traced } = scope(() => trace([x, past], () => body(x, past)));
    const before = liveTensors();
    for (let i = 0; i < 5; i++) scope(() => void traced.run([x, past]));
    expect(liveTensors()).toBe(before);
  });
});

test("a frozen trace computes once what depends on weights alone, and gives the numbers that an item has in a batch", () => {
  const [conv, linear] = [new Conv2d(64, 64, 3, { padding: 1 }), new Linear(64, 64)];
  const network = (x: Tensor, row: Tensor): Tensor[] => {
    const scale = linear.weight.exp().mean([1]).add(1);
    const shift = linear.forward(row).mul(scale).unsqueeze(-1).unsqueeze(-1);
    return [conv.forward(x).add(shift)];
  };
  noGrad(() =>
    scope(() => {
      const layouts = new WeightLayouts();
      const frozen = (x: Tensor, row: Tensor): ReturnType<typeof trace> =>
        trace([x, row], () => network(x, row), { layouts });
      const x = randn([3, 64, 8, 10]).contiguous({ memoryFormat: "channels_last" });
      const rows = randn([3, 64]);
      const { trace: many, outputs } = frozen(x, rows);
      expect(many.calls().map(({ operator }) => operator)).not.toContain("exp");
      assertClose(outputs[0] as Tensor, network(x, rows)[0] as Tensor, { atol: 1e-5, rtol: 1e-5 });
      const [first, row] = [x.narrow(0, 1, 1), rows.narrow(0, 1, 1)];
      const { outputs: alone } = frozen(first, row);
      assertClose(alone[0] as Tensor, (outputs[0] as Tensor).narrow(0, 1, 1), { atol: 0, rtol: 0 });
    }),
  );
});

test("a run beside JavaScript's thread gives the same, though its inputs are gone by then, and leaves nothing behind", async () => {
  using x = randn([2, 4]);
  using past = randn([3, 2, 3]);
  const { trace: traced } = noGrad(() => scope(() => trace([x, past], () => body(x, past))));
  const expected = noGrad(() => traced.run([x, past]));
  const before = liveTensors();
  const running = noGrad(() => scope(() => [traced.runAside([x.clone(), past.clone()])] as unknown[]));
  const outputs = await (running[0] as ReturnType<typeof traced.runAside>);
  for (const [i, output] of outputs.entries()) assertClose(output, expected[i] as Tensor, { atol: 0, rtol: 0 });
  outputs.forEach((output) => output.dispose());
  expect(liveTensors()).toBe(before);
  await expect(noGrad(() => traced.runAside([past, x]))).rejects.toThrow(/linear/);
  expected.forEach((output) => output.dispose());
});

test("what cannot be traced is refused, and the next trace is not disturbed", () => {
  const x = zeros([2]);
  expect(() => trace([x], () => [x.add(1)])).toThrow(/gradients: expected off/);
  noGrad(() => {
    expect(() => trace([x, x], () => [x])).toThrow(/the same tensor is given twice/);
    expect(() => trace([x], () => [x.add(zeros([3]))])).toThrow(/add/);
    const { trace: traced } = trace([x], () => [x.add(1)]);
    expect(() => traced.run([])).toThrow(/takes 1 tensors, got 0/);
    expect(() => traced.run([zeros([2]).to("int64").unsqueeze(0).expand([2, 2]), x])).toThrow(/got 2/);
    expect(traced.run([zeros([2])])[0]?.toNumbers()).toEqual([1, 1]);
  });
});
