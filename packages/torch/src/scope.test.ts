// Lifetime: scopes, keep, using, and that nothing leaks.
import { expect, test } from "vitest";
import { keep, liveBytes, liveTensors, noGrad, ones, randn, scope, type Tensor } from "./index.js";

test("a scope frees what was made inside, but not what it returns", () => {
  const before = liveTensors();
  let inner: Tensor | undefined;
  const result = scope(() => {
    inner = ones([2]);
    return { sum: inner.add(1), list: [inner.mul(3)] };
  });
  expect(inner?.disposed).toBe(true);
  expect(result.sum.toNumbers()).toEqual([2, 2]);
  expect(result.list[0]?.toNumbers()).toEqual([3, 3]);
  expect(liveTensors()).toBe(before + 2);
});

test("what an inner scope returns dies with the outer one", () => {
  const before = liveTensors();
  scope(() => {
    const x = scope(() => ones([1]));
    expect(x.item()).toBe(1);
  });
  expect(liveTensors()).toBe(before);
});

test("keep moves a tensor out of all scopes", () => {
  const kept = scope(() => {
    keep(ones([1]));
    return keep(ones([2]));
  });
  expect(kept.shape).toEqual([2]);
  kept.dispose();
});

test("an error inside frees everything and leaves the scope around intact", () => {
  const before = liveTensors();
  scope(() => {
    const outer = ones([1]);
    expect(() =>
      scope(() => {
        ones([3]);
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(outer.disposed).toBe(false);
  });
  expect(liveTensors()).toBe(before);
});

test("a scope refuses a promise", () => {
  expect(() => scope(() => Promise.resolve(ones([1])))).toThrow(/await/);
});

test("using frees at the end of the block", () => {
  const before = liveTensors();
  {
    using x = ones([1]);
    expect(x.item()).toBe(1);
  }
  expect(liveTensors()).toBe(before);
});

test("ten thousand operations in scopes leave no tensors behind", () => {
  const x = randn([4, 4]);
  const before = liveTensors();
  for (let i = 0; i < 100; i++)
    scope(() => {
      for (let k = 0; k < 100; k++) x.add(1).mul(2);
    });
  expect(liveTensors()).toBe(before);
});

test("live bytes follow a tensor whose memory is replaced, and memory that two tensors exchange", () => {
  const before = liveBytes();
  const [a, b] = [ones([1000]), ones([500])];
  expect(liveBytes() - before).toBe(6000);
  noGrad(() => scope(() => void a.setData_(a.to("float64"))));
  expect(liveBytes() - before).toBe(10_000);
  noGrad(() => scope(() => void a.setData_(a.to("float32"))));
  expect(liveBytes() - before).toBe(6000);
  scope(() => {
    const values = a.detach();
    a.setData_(b);
    b.setData_(values);
  });
  expect([a.numel, b.numel, liveBytes() - before]).toEqual([500, 1000, 6000]);
  a.dispose();
  b.dispose();
  expect(liveBytes()).toBe(before);
});
