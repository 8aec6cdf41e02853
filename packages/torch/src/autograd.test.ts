// Gradients, gradient modes, autocast, checkpointing.
import { afterEach, describe, expect, test } from "vitest";
import {
  assertClose,
  autocast,
  backwardOnHelperThread,
  checkpoint,
  clearGrads,
  dropout,
  enableGrad,
  grad,
  inferenceMode,
  isGradEnabled,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randn,
  scope,
  tensor,
  type Tensor,
} from "./index.js";

test("backward accumulates in the leaves", () => {
  const x = tensor([1, 2, 3]).requiresGrad_();
  x.square().sum().backward();
  expect(x.grad?.toNumbers()).toEqual([2, 4, 6]);
  x.square().sum().backward();
  expect(x.grad?.toNumbers()).toEqual([4, 8, 12]);
  x.grad = undefined;
  expect(x.grad).toBeUndefined();
});

test("grad gives gradients without accumulating, and undefined for what is unused", () => {
  const x = tensor([2]).requiresGrad_();
  const y = tensor([3]).requiresGrad_();
  const [dx, dy] = grad([x.pow(3).sum()], [x, y], { allowUnused: true });
  expect(dx?.item()).toBe(12);
  expect(dy).toBeUndefined();
  expect(x.grad).toBeUndefined();
  const [first] = grad([x.pow(3).sum()], [x], { createGraph: true });
  expect(grad([first as Tensor], [x])[0]?.item()).toBe(12);
});

test("gradient modes nest and are restored, also after an error", () => {
  expect(isGradEnabled()).toBe(true);
  noGrad(() => {
    expect(isGradEnabled()).toBe(false);
    enableGrad(() => {
      expect(isGradEnabled()).toBe(true);
    });
  });
  expect(() =>
    noGrad(() => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(isGradEnabled()).toBe(true);
  const w = ones([1]).requiresGrad_();
  expect(noGrad(() => w.mul(2)).requiresGrad).toBe(false);
  expect(inferenceMode(() => w.mul(2)).requiresGrad).toBe(false);
});

test("autocast runs matrix products in bfloat16 and is restored", () => {
  const a = randn([4, 4]);
  const inside = autocast({ device: "cpu", dtype: "bfloat16" }, () => a.mm(a));
  expect(inside.dtype).toBe("bfloat16");
  expect(a.mm(a).dtype).toBe("float32");
});

describe.each([false, true])("checkpoint (backward on a helper thread: %s)", (helper) => {
  afterEach(() => {
    backwardOnHelperThread(false);
  });

  const weight = randn([8, 8]).requiresGrad_();
  const body = (x: Tensor, y: Tensor): Tensor => dropout(x.mm(weight).tanh(), 0.5, true).mul(y);

  function gradients(run: (x: Tensor, y: Tensor) => Tensor): number[][] {
    backwardOnHelperThread(helper);
    manualSeed(7);
    clearGrads([weight]);
    const x = ones([3, 8]).mul(0.3).requiresGrad_();
    const y = ones([3, 8]).mul(2);
    run(x.mul(1), y).square().sum().backward();
    return [x.grad?.toNumbers() ?? [], weight.grad?.toNumbers() ?? []];
  }

  test("gives the gradients of the plain evaluation, with the same dropout", () => {
    const plain = gradients((x, y) => body(body(x, y), y));
    const recomputed = gradients((x, y) => checkpoint(body, [checkpoint(body, [x, y]), y]));
    recomputed.forEach((values, i) => {
      assertClose(tensor(values), tensor(plain[i] as number[]));
    });
  });

  test("hands an error of the recomputation through as itself", () => {
    backwardOnHelperThread(helper);
    let calls = 0;
    const output = checkpoint(
      (x) => {
        if (++calls === 2) throw new RangeError("second time");
        return x.mul(2);
      },
      [ones([2]).requiresGrad_()],
    );
    expect(() => {
      output.sum().backward();
    }).toThrow(RangeError);
  });

  test("leaves no tensors behind", () => {
    backwardOnHelperThread(helper);
    const step = (): void => {
      scope(() => {
        const x = ones([3, 8]).requiresGrad_();
        checkpoint(body, [x.mul(1), ones([3, 8])])
          .sum()
          .backward();
        weight.grad = undefined;
      });
    };
    step();
    const before = liveTensors();
    for (let i = 0; i < 20; i++) step();
    expect(liveTensors()).toBe(before);
  });
});

test("a weight that autocast used without gradients still gets them later in the same region", () => {
  const weight = ones([4, 4]).requiresGrad_();
  const x = ones([2, 4]);
  autocast({ device: "cpu", dtype: "bfloat16" }, () => {
    noGrad(() => x.matmul(weight));
    x.matmul(weight).float().sum().backward();
  });
  expect(weight.grad?.toNumbers()).toEqual(Array.from({ length: 16 }, () => 2));
});
