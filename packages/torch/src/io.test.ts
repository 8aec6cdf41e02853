// Tensors to safetensors files and back.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { assertClose } from "./allclose.js";
import { arange, type DType, liveTensors, ones, randn, scope, type Tensor, tensor, zeros } from "./index.js";
import { loadSafetensors, saveSafetensors } from "./io.js";
import { Linear } from "./nn/index.js";

let folder = "";
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "vid2world-io-"))));
afterAll(() => rm(folder, { recursive: true }));

const dtypes: readonly DType[] = ["bool", "uint8", "int32", "int64", "float16", "bfloat16", "float32", "float64"];

test("every dtype, scalars, empty and strided tensors survive a round trip bit for bit", async () => {
  const path = join(folder, "all.safetensors");
  const tensors = new Map<string, Tensor>(
    dtypes.map((dtype) => [
      dtype,
      tensor([
        [0, 1, 2],
        [3, 100, 1],
      ]).to(dtype),
    ]),
  );
  tensors
    .set("scalar", tensor(2.5))
    .set("empty", zeros([0, 3]))
    .set("transposed", arange(6).reshape([2, 3]).transpose(0, 1));
  await saveSafetensors(path, tensors);
  const loaded = await loadSafetensors(path);
  expect([...loaded.keys()].sort()).toEqual([...tensors.keys()].sort());
  for (const [name, value] of tensors) {
    const back = loaded.get(name) as Tensor;
    expect(back.dtype).toBe(value.dtype);
    assertClose(back, value, { rtol: 0, atol: 0 });
  }
});

test("floating-point tensors are converted on the way out and on the way in, integers never", async () => {
  const path = join(folder, "half.safetensors");
  const tensors = new Map([
    ["x", tensor([1.5, -2])],
    ["n", tensor([3], { dtype: "int64" })],
  ]);
  await saveSafetensors(path, tensors, { dtype: "bfloat16", metadata: { step: "7" } });
  const [stored, widened] = [await loadSafetensors(path), await loadSafetensors(path, { dtype: "float64" })];
  expect([stored.get("x")?.dtype, stored.get("n")?.dtype]).toEqual(["bfloat16", "int64"]);
  expect([widened.get("x")?.dtype, widened.get("n")?.dtype]).toEqual(["float64", "int64"]);
  assertClose(widened.get("x") as Tensor, [1.5, -2]);
});

test("a filter leaves tensors on the disk", async () => {
  const path = join(folder, "filter.safetensors");
  await saveSafetensors(
    path,
    new Map([
      ["a.x", ones([1])],
      ["b.x", ones([1])],
    ]),
  );
  expect([...(await loadSafetensors(path, { filter: (name) => name.startsWith("b") })).keys()]).toEqual(["b.x"]);
});

test("loaded tensors can be changed, outlive scopes, and take part in training", async () => {
  const path = join(folder, "model.safetensors");
  const layer = new Linear(3, 2);
  await saveSafetensors(path, layer.stateDict());
  const loaded = await loadSafetensors(path);
  scope(() => void (loaded.get("weight") as Tensor).mul_(2));
  const other = new Linear(3, 2).loadStateDict(loaded);
  assertClose(other.weight, layer.weight.detach().mul(2));
});

test("a write that fails leaves the old file and no other", async () => {
  const path = join(folder, "kept.safetensors");
  await saveSafetensors(path, new Map([["x", ones([2])]]));
  const freed = randn([2]);
  freed.dispose();
  await expect(
    saveSafetensors(
      path,
      new Map([
        ["a", ones([1])],
        ["x", freed],
      ]),
    ),
  ).rejects.toThrow();
  assertClose((await loadSafetensors(path)).get("x") as Tensor, [1, 1]);
  expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
});

test("loading and saving leave nothing behind but the loaded tensors", async () => {
  const path = join(folder, "leak.safetensors");
  const tensors = new Map([
    ["x", randn([64, 64]).to("float16")],
    ["y", randn([3]).to("float64")],
  ]);
  await saveSafetensors(path, tensors, { dtype: "float32" });
  const before = liveTensors();
  const loaded = await loadSafetensors(path, { dtype: "float16" });
  expect(liveTensors()).toBe(before + 2);
  for (const value of loaded.values()) value.dispose();
  expect(liveTensors()).toBe(before);
});
