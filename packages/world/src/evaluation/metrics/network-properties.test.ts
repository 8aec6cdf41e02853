// What metrics with networks must hold whatever the weights: equal pictures are at distance 0, and growing damage is further away.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fromTypedArray, scope, type Tensor } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DreamSimForm } from "../networks/dreamsim-branches.js";
import { layerTensors } from "../networks/layers.js";
import { writeCounted } from "../networks/testing/counted-weights.js";
import { smallAdapter, smallForms } from "../networks/testing/network-keys.js";
import { transformerShapes } from "../networks/vision-transformer.js";
import { seededRandom } from "../starts.js";
import { average } from "./average.js";
import { loadDreamSimForm } from "./dreamsim.js";
import { frechetDistance } from "./frechet.js";
import { loadLpips, lpipsTrunks } from "./lpips.js";
import { damagedPictures } from "./testing/damaged-pictures.js";

const [count, side] = [4, 64];
const random = seededRandom(7);
const grain = Float32Array.from({ length: count * side * side * 3 }, () => random() - 0.5);

/** Waves with noise of a strength from 0, bytes count*side*side*3. */
const pictures = (strength: number): Uint8Array =>
  Uint8Array.from(grain, (noise, i) => {
    const [picture, x] = [Math.floor(i / (side * side * 3)), Math.floor(i / 3) % side];
    return Math.max(0, Math.min(255, 128 + 80 * Math.sin(x / (5 + picture)) + 60 * strength * noise));
  });
const pixels = (bytes: Uint8Array): Tensor =>
  scope(() => fromTypedArray(bytes, [count, side, side, 3]).permute([0, 3, 1, 2]).to("float32").div(127.5).sub(1).clone()); // prettier-ignore
const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "network-properties-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Zero first, then growing. */
function expectGrowing(distances: readonly number[]): void {
  expect(distances[0]).toBeCloseTo(0, 5);
  for (const [i, distance] of distances.slice(1).entries()) expect(distance).toBeGreaterThan(distances[i] ?? NaN);
}

test("LPIPS is 0 of equal pictures, symmetric, and grows with noise, blur, shift and compression", async () => {
  const { layers, widths } = lpipsTrunks.alex;
  const files = { trunk: path.join(folder, "trunk.safetensors"), heads: path.join(folder, "heads.safetensors") };
  await writeCounted(files.trunk, layerTensors(layers, 3).shapes);
  await writeCounted(files.heads, new Map(widths.map((width, tap) => [`lin${tap}.model.1.weight`, [1, width, 1, 1]])));
  using lpips = await loadLpips("alex", files);
  const distance = (a: number, b: number): number[] =>
    scope(() => numbers(lpips.distance(pixels(pictures(a)), pixels(pictures(b)))));
  expectGrowing([0, 1, 2, 4].map((strength) => average(distance(strength, 0))));
  const { pictures: clean, damages } = await damagedPictures(count, 65, 65);
  for (const [damage, damaged] of Object.entries(damages)) {
    const ofDamage = [0, 1, 2, 3, 4].map((strength) => {
      const shown = strength === 0 ? clean : damaged(strength);
      return scope(() => average(numbers(lpips.distance(shown.mul(2).sub(1), clean.mul(2).sub(1)))));
    });
    expect(ofDamage, damage).toEqual([...ofDamage].sort((a, b) => a - b));
    expectGrowing(ofDamage);
  }
  distance(2, 0).forEach((value, i) => expect(value).toBeCloseTo(distance(0, 2)[i] ?? NaN, 6));
});

test("DreamSim, and the Frechet distance of a network's features, are 0 of equal pictures and grow with noise", async () => {
  const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  const branch = { form: smallForms.dino, normalisation, place: "lastBlock", file: "dino.safetensors" } as const;
  const form: DreamSimForm = { branches: [branch], adapter: "lora" };
  const { rank, alpha, shapes } = smallAdapter;
  const own = Object.entries(shapes).filter(([key]) => key.includes("extractor_list.0"));
  await mkdir(path.join(folder, "lora"));
  await writeCounted(path.join(folder, "dino.safetensors"), transformerShapes(smallForms.dino));
  await writeCounted(path.join(folder, "lora/adapter_model.safetensors"), new Map(own));
  await writeFile(path.join(folder, "lora/adapter_config.json"), JSON.stringify({ r: rank, lora_alpha: alpha }));
  using dreamsim = await loadDreamSimForm("small", form, { folder });
  const embed = (strength: number): Tensor => dreamsim.embed(pictures(strength), { height: side, width: side });
  const strengths = [0, 1, 2, 4];
  expectGrowing(
    strengths.map((strength) => scope(() => average(numbers(dreamsim.distance(embed(strength), embed(0)))))),
  );
  expectGrowing(strengths.map((strength) => scope(() => frechetDistance(embed(strength), embed(0)))));
});
