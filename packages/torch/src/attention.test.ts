// Attention: both implementations against recorded numbers of the formula in float64, outputs and gradients.

import { describe, expect, test } from "vitest";
import { assertClose } from "./allclose.js";
import { type AttentionOptions, scaledDotProductAttention } from "./attention.js";
import { has, randn, scope, tensor, type Tensor } from "./index.js";
import { readCases, type Recorded, restore } from "./nn/fixtures/read.js";

interface AttentionCase {
  readonly name: string;
  readonly options: { scale?: number; isCausal?: boolean; queryOffset?: number; mask?: "bool" | "float" };
  readonly mask: Recorded | null;
  readonly q: Recorded;
  readonly k: Recorded;
  readonly v: Recorded;
  readonly cotangent: Recorded;
  readonly output: Recorded;
  readonly grads: readonly Recorded[];
}

const cases = readCases<AttentionCase>("attention.json");

describe.each(["formula", "fused"] as const)("%s", (implementation) => {
  const missing = implementation === "fused" && !has("scaled_dot_product_attention");

  test.skipIf(missing).each(cases)("attention $name equals the formula in float64", ({ options, ...recorded }) => {
    scope(() => {
      const { mask: kind, ...rest } = options;
      const inputs = [recorded.q, recorded.k, recorded.v].map((x) => restore(x).requiresGrad_()) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const attnMask =
        recorded.mask === null ? undefined : restore(recorded.mask, kind === "bool" ? "bool" : "float32");
      const y = scaledDotProductAttention(...inputs, { ...rest, attnMask, implementation });
      assertClose(y, restore(recorded.output), { rtol: 1e-5, atol: 1e-6 });
      y.mul(restore(recorded.cotangent)).sum().backward();
      for (const [i, x] of inputs.entries()) {
        assertClose(x.grad as Tensor, restore(recorded.grads[i] as Recorded), { rtol: 1e-4, atol: 1e-5 });
      }
    });
  });

  test.skipIf(missing)("a query that may see nothing yields zeros and finite gradients", () => {
    scope(() => {
      const q = randn([1, 2, 4]).requiresGrad_();
      const attnMask = tensor([
        [0, 0, 0],
        [1, 0, 1],
      ]).to("bool");
      const y = scaledDotProductAttention(q, randn([1, 3, 4]), randn([1, 3, 4]), { attnMask, implementation });
      assertClose(y.narrow(1, 0, 1), [[[0, 0, 0, 0]]]);
      y.sum().backward();
      expect(q.grad?.isfinite().all().item()).toBeTruthy();
      assertClose((q.grad as Tensor).narrow(1, 0, 1), [[[0, 0, 0, 0]]]);
    });
  });
});

test.skipIf(!has("scaled_dot_product_attention"))("fused and formula agree over shapes, offsets and heads", () => {
  for (const [l, s, queryOffset] of [
    [1, 7, 6],
    [4, 7, 3],
    [16, 16, 0],
    [3, 3, 0],
  ] as const) {
    scope(() => {
      const [q, k, v] = [randn([2, 3, l, 8]), randn([2, 3, s, 8]), randn([2, 3, s, 8])];
      const options: AttentionOptions = { isCausal: true, queryOffset };
      const fused = scaledDotProductAttention(q, k, v, { ...options, implementation: "fused" });
      assertClose(fused, scaledDotProductAttention(q, k, v, { ...options, implementation: "formula" }), {
        rtol: 1e-5,
        atol: 1e-6,
      });
    });
  }
});

test("options that contradict each other are refused", () => {
  scope(() => {
    const x = randn([1, 2, 4]);
    expect(() => scaledDotProductAttention(x, x, x, { queryOffset: 1 })).toThrow(
      "queryOffset: expected 0 without isCausal",
    );
    expect(() => scaledDotProductAttention(x, x, x, { isCausal: true, attnMask: x })).toThrow(
      "attnMask: expected none",
    );
    expect(() => scaledDotProductAttention(x, x, x, { isCausal: true, queryOffset: -1 })).toThrow("an integer >= 0");
  });
});
