// The metrics' networks against torchvision's with the same counted weights (testing/make.py recorded its results), and their files' checks.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  cat,
  CheckpointMismatchError,
  inferenceMode,
  liveTensors,
  saveSafetensors,
  scope,
  type Tensor,
} from "@vid2world/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadLpips, lpipsTrunks, type LpipsTrunk } from "../metrics/lpips.js";
import { inceptionTensors, loadInception } from "./inception.js";
import { layerTensors } from "./layers.js";
import { countedPictures, countedTensors, writeCounted } from "./testing/counted-weights.js";
import { smallForms } from "./testing/network-keys.js";
import { transformerShapes, visionTransformer } from "./vision-transformer.js";

interface Recorded {
  readonly vgg: { readonly lpips: number[] };
  readonly alex: { readonly lpips: number[] };
  readonly inception: { readonly features: number[] };
  readonly transformers: Readonly<Record<string, Readonly<Record<"lastBlock" | "normalised", number[]>>>>;
}

const recorded = JSON.parse(
  readFileSync(new URL("./testing/fixtures/recorded.json", import.meta.url), "utf8"),
) as Recorded;
let folder: string;
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), "networks-"))));
afterAll(() => rm(folder, { recursive: true }));

const values = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array);
const run = (body: () => Tensor): number[] => inferenceMode(() => scope(() => values(body())));
/** Largest difference, relative to the largest value. */
function relativeError(got: readonly number[], expected: readonly number[]): number {
  expect(got.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...got.map((value, i) => Math.abs(value - (expected[i] ?? NaN)))) / largest;
}

async function lpipsFiles(trunk: LpipsTrunk): Promise<{ trunk: string; heads: string }> {
  const { layers, widths } = lpipsTrunks[trunk];
  const files = {
    trunk: path.join(folder, `${trunk}.safetensors`),
    heads: path.join(folder, `${trunk}-lin.safetensors`),
  };
  await writeCounted(files.trunk, layerTensors(layers, 3).shapes);
  await writeCounted(files.heads, new Map(widths.map((width, tap) => [`lin${tap}.model.1.weight`, [1, width, 1, 1]])));
  return files;
}

describe.each(["vgg", "alex"] as const)("LPIPS over %s", (trunk) => {
  test("gives torchvision's distances, 0 for equal pictures, the same either way round and in any batch", async () => {
    using lpips = await loadLpips(trunk, await lpipsFiles(trunk));
    using a = countedPictures(5, [2, 3, 70, 80]);
    using b = countedPictures(6, [2, 3, 70, 80]);
    const distances = run(() => lpips.distance(a, b));
    expect(relativeError(distances, recorded[trunk].lpips)).toBeLessThan(1e-5);
    expect(run(() => lpips.distance(a, a))).toEqual([0, 0]);
    expect(
      relativeError(
        run(() => lpips.distance(b, a)),
        distances,
      ),
    ).toBeLessThan(1e-6);
    expect(run(() => lpips.distance(a.narrow(0, 1, 1), b.narrow(0, 1, 1)))).toEqual(distances.slice(1));
  });

  test("passes gradients to the pictures and leaves no tensors behind", async () => {
    const before = liveTensors();
    {
      using lpips = await loadLpips(trunk, await lpipsFiles(trunk));
      using a = countedPictures(5, [1, 3, 64, 64]).requiresGrad_();
      using b = countedPictures(6, [1, 3, 64, 64]);
      scope(() => lpips.distance(a, b).sum().backward());
      expect(run(() => (a.grad as Tensor).abs().amax())[0]).toBeGreaterThan(0);
      a.grad?.dispose();
      expect(() => lpips.distance(a, a.narrow(2, 0, 32))).toThrow(/both must be the same \[B, 3, H, W\]/);
    }
    expect(liveTensors()).toBeLessThanOrEqual(before + 1); // the view of the refused call waits for the collector
  });
});

test("FID's Inception gives torchvision's features, the same in any batch", async () => {
  const file = path.join(folder, "inception.safetensors");
  await writeCounted(file, inceptionTensors.shapes);
  using network = await loadInception(file);
  using pictures = countedPictures(7, [2, 3, 48, 64]);
  const features = run(() => network.features(pictures));
  expect(features.length).toBe(2 * network.width);
  expect(
    relativeError(
      features.filter((_, i) => i % 8 === 0),
      recorded.inception.features,
    ),
  ).toBeLessThan(1e-5);
  expect(run(() => network.features(cat([pictures.narrow(0, 1, 1), pictures])))).toEqual([
    ...features.slice(network.width),
    ...features,
  ]);
  expect(() => network.features(pictures.narrow(1, 0, 1))).toThrow(/\[B, 3, H, W\]/);
});

test.each(Object.keys(smallForms) as (keyof typeof smallForms)[])(
  "a vision transformer of the kind of %s agrees with PyTorch's attention and normalisation",
  (name) => {
    const form = smallForms[name];
    using network = visionTransformer(form, countedTensors(transformerShapes(form)));
    using pictures = countedPictures(9, [2, 3, form.imageSize, form.imageSize]);
    for (const place of ["lastBlock", "normalised"] as const) {
      const got = run(() => network.firstToken(pictures, place));
      expect(relativeError(got, recorded.transformers[name]?.[place] ?? []), place).toBeLessThan(1e-5);
    }
  },
);

describe("weights of a metric", () => {
  test("that lack tensors or have other shapes are refused by name, and what else is in the file is left alone", async () => {
    const files = await lpipsFiles("alex");
    const shapes = new Map(layerTensors(lpipsTrunks.alex.layers, 3).shapes);
    shapes.delete("features.3.bias");
    shapes.set("features.0.weight", [64, 3, 7, 7]).set("classifier.1.weight", [2, 2]);
    const file = path.join(folder, "wrong.safetensors");
    await writeCounted(file, shapes);
    const loading = loadLpips("alex", { ...files, trunk: file });
    await expect(loading).rejects.toThrow(CheckpointMismatchError);
    await expect(loading).rejects.toThrow(
      /features\.3\.bias is missing; features\.0\.weight is \[64, 3, 7, 7\], not \[64, 3, 11, 11\]/,
    );
    await expect(loadLpips("vgg", files)).rejects.toThrow(
      /lin1\.model\.1\.weight is \[1, 192, 1, 1\], not \[1, 128, 1, 1\]/,
    );
  });

  test("that are not finite, cut short or no weights at all are refused", async () => {
    const files = await lpipsFiles("alex");
    const heads = countedTensors(
      new Map([64, 192, 384, 256, 256].map((w, tap) => [`lin${tap}.model.1.weight`, [1, w, 1, 1]])),
    );
    (heads.get("lin2.model.1.weight") as Tensor).fill_(NaN);
    const file = path.join(folder, "nan.safetensors");
    await saveSafetensors(file, heads);
    await expect(loadLpips("alex", { ...files, heads: file })).rejects.toThrow(
      /lin2\.model\.1\.weight" holds numbers that are not finite/,
    );
    const text = path.join(folder, "page.pth");
    await writeFile(text, "<html>not found</html>");
    await expect(loadLpips("alex", { ...files, heads: text })).rejects.toThrow(/page\.pth/);
  });

  test("of LPIPS as published are read (skipped without the shared data)", async ({ skip }) => {
    const shared = path.join(process.env["VID2WORLD_SHARED"] ?? "../shared", "data/lpips/alex.pth");
    const files = await lpipsFiles("alex");
    const opened = await loadLpips("alex", { ...files, heads: shared }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return skip("no shared data");
      throw error;
    });
    opened.dispose();
  });
});
