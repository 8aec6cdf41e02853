// The tensor itself: data in and out, metadata, errors.
import { describe, expect, test } from "vitest";
import {
  arange,
  cat,
  DisposedTensorError,
  fromTypedArray,
  groupNorm,
  has,
  ones,
  randn,
  ShapeError,
  tensor,
  Tensor,
  TorchError,
  zeros,
  type DType,
} from "./index.js";

describe("data", () => {
  test("nested numbers become a float32 tensor of their shape", () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(x.shape).toEqual([2, 3]);
    expect(x.dtype).toBe("float32");
    expect(x.device).toBe("cpu");
    expect(x.toNumbers()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("ragged nested numbers are refused", () => {
    expect(() => tensor([[1, 2], [3]])).toThrow(/equal lengths/);
  });

  test.each<DType>(["bool", "uint8", "int32", "int64", "float16", "bfloat16", "float32", "float64"])(
    "%s holds small whole numbers exactly and survives a copy of its bytes",
    (dtype) => {
      const x = tensor(
        [
          [0, 1],
          [1, 0],
        ],
        { dtype },
      );
      expect(x.dtype).toBe(dtype);
      expect(x.toNumbers()).toEqual([0, 1, 1, 0]);
      const copy = zeros([2, 2], { dtype }).writeBytes(x.toBytes());
      expect(copy.toNumbers()).toEqual([0, 1, 1, 0]);
    },
  );

  test("a typed array is copied unless it is shared", () => {
    const data = Float32Array.of(1, 2, 3);
    const copied = fromTypedArray(data, [3]);
    const shared = fromTypedArray(data, [3], { share: true });
    data[0] = 9;
    expect(copied.toNumbers()).toEqual([1, 2, 3]);
    expect(shared.toNumbers()).toEqual([9, 2, 3]);
    shared.add_(1);
    expect(Array.from(data)).toEqual([10, 3, 4]);
  });

  test("arrays over shared memory are taken like others, from their offset on", () => {
    const data = new Float32Array(new SharedArrayBuffer(16), 4, 3);
    data.set([1, 2, 3]);
    const copied = fromTypedArray(data, [3]);
    const shared = fromTypedArray(data, [3], { share: true });
    data[0] = 9;
    expect([copied.toNumbers(), shared.toNumbers()]).toEqual([
      [1, 2, 3],
      [9, 2, 3],
    ]);
  });

  test("a tensor's memory can be shared with a typed array that outlives it", () => {
    const x = arange(0, 4, { dtype: "float32" });
    const view = x.shareTypedArray() as Float32Array;
    x.mul_(2);
    x.dispose();
    expect(Array.from(view)).toEqual([0, 2, 4, 6]);
    expect(() => ones([2, 3]).transpose(0, 1).shareTypedArray()).toThrow(/contiguous/);
  });

  test("int64 goes through BigInt64Array without loss", () => {
    const big = BigInt64Array.of(9007199254740993n, -1n);
    expect(fromTypedArray(big).toTypedArray()).toEqual(big);
  });

  test("a typed array of another length than the shape is refused with both numbers", () => {
    expect(() => fromTypedArray(Float32Array.of(1, 2, 3), [2, 2])).toThrow(/3 elements.*4/);
  });
});

describe("operators", () => {
  test("overloads are chosen by the types of their arguments", () => {
    const x = tensor([1, 2, 3]);
    expect(x.add(1).toNumbers()).toEqual([2, 3, 4]);
    expect(x.add(x, { alpha: 2 }).toNumbers()).toEqual([3, 6, 9]);
    expect(x.sum().item()).toBe(6);
    expect(x.reshape([1, 3]).sum([1], { keepdim: true }).shape).toEqual([1, 1]);
    expect(x.div(2, { roundingMode: "floor" }).toNumbers()).toEqual([0, 1, 1]);
    expect(x.div(2).toNumbers()).toEqual([0.5, 1, 1.5]);
    const [values, indices] = x.max(0);
    expect([values.item(), indices.item()]).toEqual([3, 2]);
  });

  test("whole numbers keep integer tensors integer, fractions do not", () => {
    const x = arange(3);
    expect(x.add(1).dtype).toBe("int64");
    expect(x.mul(0.5).dtype).toBe("float32");
  });

  test("lists, several results and undefined optionals travel both ways", () => {
    const x = arange(0, 6, { dtype: "float32" }).reshape([2, 3]);
    expect(cat([x, x], { dim: 1 }).shape).toEqual([2, 6]);
    expect(x.split(1, { dim: 1 }).map((part) => part.toNumbers())).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(x.index([undefined, tensor([2, 0], { dtype: "int64" })]).toNumbers()).toEqual([2, 0, 5, 3]);
    expect(x.clamp({ min: 1, max: 4 }).toNumbers()).toEqual([1, 1, 2, 3, 4, 4]);
  });

  test("operators in place return the tensor itself", () => {
    const x = zeros([2]);
    expect(x.add_(1)).toBe(x);
    expect(x.toNumbers()).toEqual([1, 1]);
  });

  test("an operator that this libtorch lacks can be asked for", () => {
    expect(has("add.Tensor")).toBe(true);
    expect(has("no_such_operator")).toBe(false);
  });
});

describe("errors", () => {
  test("name the operator, the shapes, dtypes and devices, and carry a TypeScript stack", () => {
    const error = catchError(() => randn([2, 3]).mm(randn([4, 5])));
    expect(error).toBeInstanceOf(TorchError);
    expect(error.message).toMatch(/^mm: mat1 and mat2/);
    expect(error.message).toContain("self: Tensor[2, 3] float32 cpu");
    expect(error.message).toContain("mat2: Tensor[4, 5] float32 cpu");
    expect(error.stack).toContain("tensor.test");
  });

  test("a freed tensor is named by the argument that it was given for", () => {
    const x = ones([1]);
    const gone = ones([1]);
    gone.dispose();
    const error = catchError(() => x.add(gone));
    expect(error).toBeInstanceOf(DisposedTensorError);
    expect(error.message).toMatch(/add: argument "other" was freed/);
    expect(() => gone.shape).toThrow(DisposedTensorError);
    expect(() => groupNorm(x, 1, { weight: gone })).toThrow(DisposedTensorError);
    expect(String(gone)).toBe("Tensor (freed)");
  });

  test("dims names the axes that were expected", () => {
    expect(() => ones([2, 3]).dims("B T C")).toThrow(ShapeError);
    expect(() => ones([2, 3]).dims("B T C")).toThrow(/B T C.*\[2, 3\]/);
    const [b, t] = ones([2, 3]).dims("B T");
    expect([b, t]).toEqual([2, 3]);
  });

  test("something that is no tensor is refused clearly", () => {
    expect(() => groupNorm(ones([1]), 1, { weight: 3 as unknown as Tensor })).toThrow(/Tensor/);
  });
});

test("meta tensors have a shape and no memory", () => {
  const x = zeros([1000, 1000, 1000], { device: "meta" });
  expect(x.add(1).shape).toEqual([1000, 1000, 1000]);
  expect(x.device).toBe("meta");
});

function catchError(body: () => unknown): Error {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
