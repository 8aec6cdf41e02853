// Resizing and cropping against torchvision with tensors, and against Pillow with byte pictures.
import { fromTypedArray } from "@vid2world/torch";
import { expect, test } from "vitest";
import { resizeLikePillow } from "./pillow-resize.js";
import { centreCrop, resizeBilinear, sizeOfShorterSide } from "./resize.js";
import { lacks, largestDifference, python, temporaryFolder } from "./testing/oracle.js";

const folder = temporaryFolder();
const withTorchvision = test.skipIf(lacks("torch", "torchvision")); // the oracle
const withPillow = test.skipIf(lacks("PIL", "numpy")); // the oracle

withTorchvision(
  "tensors are resized as torchvision resizes them, larger and smaller, with and without antialias",
  async () => {
    const out = await python(
      folder,
      `
import torch
from torchvision.transforms import functional as F
x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 45, 64)).astype(np.float32))
out["x"] = x.numpy()
for i, size in enumerate([(82, 117), (20, 31), (45, 64), (44, 200)]):
    for antialias in (False, True):
        out[f"{size[0]}_{size[1]}_{int(antialias)}"] = F.resize(x, list(size), antialias=antialias).numpy()
out["shorter"] = F.resize(x, 97, antialias=False).numpy()`,
    );
    const x_NCHW = fromTypedArray(out.get("x")?.data as Float32Array, [2, 3, 45, 64]);
    for (const [name, { data }] of out) {
      const [height = 0, width = 0, antialias] = name.split("_").map(Number);
      const size = name === "shorter" ? sizeOfShorterSide({ height: 45, width: 64 }, 97) : { height, width };
      if (name === "x") continue;
      const ours = resizeBilinear(x_NCHW, size, { antialias: antialias === 1 });
      expect(largestDifference(ours.toTypedArray(), data as Float32Array), name).toBeLessThan(1e-4); // of 255
    }
  },
);

withTorchvision("centre crops fill up with zeros and cut where torchvision does, odd sizes included", async () => {
  const sizes = [[8, 9], [7, 5], [3, 4], [20, 6], [6, 21], [11, 12], [4, 10]]; // prettier-ignore
  const out = await python(
    folder,
    `
import json, torch
from torchvision.transforms import functional as F
x = torch.arange(1 * 1 * 7 * 10, dtype=torch.float32).reshape(1, 1, 7, 10) + 1
for i, size in enumerate(json.loads(args[0])):
    out[str(i)] = F.center_crop(x, size).numpy()`,
    JSON.stringify(sizes),
  );
  const x_NCHW = fromTypedArray(
    Float32Array.from({ length: 70 }, (_, i) => i + 1),
    [1, 1, 7, 10],
  );
  sizes.forEach(([height = 0, width = 0], i) => {
    const expected = out.get(String(i));
    const ours = centreCrop(x_NCHW, { height, width });
    expect(ours.shape).toEqual(expected?.shape);
    expect([...ours.toTypedArray()], `${height}x${width}`).toEqual([...(expected?.data as Float32Array)]);
  });
});

withPillow.each(["bilinear", "bicubic"] as const)(
  "byte pictures are resized bit for bit as Pillow does it: %s",
  async (filter) => {
    const out = await python(
      folder,
      `
from PIL import Image
rng = np.random.default_rng(1)
for i, (old, new) in enumerate([((48, 64), (32, 32)), ((48, 64), (96, 100)), ((31, 17), (8, 50)), ((20, 20), (20, 7)), ((9, 300), (9, 13))]):
    x = rng.integers(0, 256, (*old, 3), dtype=np.uint8)
    x[: old[0] // 2] = np.where(x[: old[0] // 2] > 127, 255, 0)
    out[f"old{i}"] = x
    out[f"new{i}"] = np.asarray(Image.fromarray(x).resize((new[1], new[0]), getattr(Image.Resampling, args[0].upper())))`,
      filter,
    );
    for (let i = 0; i < 5; i++) {
      const [old, expected] = [out.get(`old${i}`), out.get(`new${i}`)];
      const [height = 0, width = 0] = old?.shape ?? [];
      const [newHeight = 0, newWidth = 0] = expected?.shape ?? [];
      const ours = resizeLikePillow(
        { data_HWC: old?.data as Uint8Array, height, width },
        { height: newHeight, width: newWidth },
        filter,
      );
      expect(largestDifference(ours.data_HWC, expected?.data as Uint8Array)).toBe(0);
    }
  },
);

test("the longer side is cut to a whole number, as torchvision cuts it", () => {
  expect(sizeOfShorterSide({ height: 256, width: 320 }, 320)).toEqual({ height: 320, width: 400 });
  expect(sizeOfShorterSide({ height: 480, width: 640 }, 320)).toEqual({ height: 320, width: 426 });
  expect(sizeOfShorterSide({ height: 300, width: 200 }, 99)).toEqual({ height: 148, width: 99 });
});
