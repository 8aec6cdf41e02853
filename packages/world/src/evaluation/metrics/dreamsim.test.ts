// DreamSim over two small transformers against PyTorch (networks/testing/make.py recorded it): adapter, normalisation, distance; and its files.
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { liveTensors, scope, type Tensor } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DreamSimForm } from "../networks/dreamsim-branches.js";
import { countedPictures, writeCounted } from "../networks/testing/counted-weights.js";
import { smallAdapter, smallForms } from "../networks/testing/network-keys.js";
import { transformerShapes } from "../networks/vision-transformer.js";
import { dreamSimFiles, loadDreamSim, loadDreamSimForm } from "./dreamsim.js";

interface Recorded {
  readonly dreamsim: { readonly embeddings: number[]; readonly distance: number[] };
}
const recorded = JSON.parse(
  readFileSync(new URL("../networks/testing/fixtures/recorded.json", import.meta.url), "utf8"),
) as Recorded;

const form: DreamSimForm = {
  branches: [
    {
      form: smallForms.dino,
      normalisation: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      place: "lastBlock",
      file: "dino.safetensors",
    },
    {
      form: smallForms.clip,
      normalisation: {
        mean: [0.48145466, 0.4578275, 0.40821073],
        std: [0.26862954, 0.26130258, 0.27577711],
      },
      place: "normalised",
      file: "clip.safetensors",
      projected: smallAdapter.projected,
    },
  ],
  adapter: "lora",
};
const side = smallForms.dino.imageSize;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dreamsim-"));
  await mkdir(path.join(folder, "lora"));
  await writeCounted(path.join(folder, "dino.safetensors"), transformerShapes(smallForms.dino));
  const clipShapes = new Map(transformerShapes(smallForms.clip)).set("proj", [48, smallAdapter.projected]);
  await writeCounted(path.join(folder, "clip.safetensors"), clipShapes);
  const { rank, alpha, shapes } = smallAdapter;
  await writeCounted(path.join(folder, "lora/adapter_model.safetensors"), new Map(Object.entries(shapes)));
  await writeFile(path.join(folder, "lora/adapter_config.json"), JSON.stringify({ r: rank, lora_alpha: alpha }));
});
afterAll(() => rm(folder, { recursive: true }));

/** Two pictures of bytes, the numbers of make.py. */
function pictures(): Uint8Array {
  using unit = countedPictures(11, [2, side, side, 3]);
  return Uint8Array.from(unit.toTypedArray() as Float32Array, (value) => Math.floor((value + 1) * 127.5));
}
const values = (x: Tensor): number[] => [...(x.toTypedArray() as Float32Array)];

test("embeddings and distances are PyTorch's, in any batch, and nothing is left behind", async () => {
  const before = liveTensors();
  {
    using network = await loadDreamSimForm("small", form, { folder });
    using both_BD = network.embed(pictures(), { height: side, width: side });
    expect(network.width).toBe(48 + smallAdapter.projected);
    values(both_BD).forEach((value, i) => expect(value).toBeCloseTo(recorded.dreamsim.embeddings[i] ?? NaN, 5));
    using second_BD = network.embed(pictures().subarray(side * side * 3), { height: side, width: side });
    expect(values(second_BD)).toEqual(values(both_BD).slice(network.width));
    const [between, same] = scope(() => {
      const first_BD = both_BD.narrow(0, 0, 1);
      return [values(network.distance(first_BD, second_BD)), values(network.distance(second_BD, second_BD))];
    });
    expect(between[0]).toBeCloseTo(recorded.dreamsim.distance[0] ?? NaN, 5);
    expect(same[0]).toBeCloseTo(0, 6);
    expect(() => network.embed(new Uint8Array(7), { height: 2, width: 2 })).toThrow(/whole 2 x 2 RGB pictures/);
  }
  expect(liveTensors()).toBe(before);
});

test("an adapter that does not fit, or is described otherwise, is refused by name", async () => {
  const other = await mkdtemp(path.join(folder, "other-"));
  const lora = path.join(other, "lora");
  await mkdir(lora);
  const files = { ...form, branches: form.branches.map((branch) => ({ ...branch, file: `../${branch.file}` })) };
  await writeFile(path.join(lora, "adapter_config.json"), "{}");
  await expect(loadDreamSimForm("small", files, { folder: other })).rejects.toThrow(
    /adapter_config\.json.*r, lora_alpha/,
  );
  await writeFile(path.join(lora, "adapter_config.json"), '{"r": 2, "lora_alpha": 1}');
  const key = "base_model.model.extractor_list.0.model.blocks.0.attn.qkv.lora_";
  await writeCounted(path.join(lora, "adapter_model.safetensors"), new Map([[`${key}A.weight`, [2, 48]]]));
  await expect(loadDreamSimForm("small", files, { folder: other })).rejects.toThrow(/has no second half/);
  await writeCounted(
    path.join(lora, "adapter_model.safetensors"),
    new Map([
      [`${key}A.weight`, [2, 48]],
      [`${key}B.weight`, [96, 2]],
    ]),
  );
  await expect(loadDreamSimForm("small", files, { folder: other })).rejects.toThrow(
    /does not change a matrix \[144, 48\]/,
  );
  await expect(loadDreamSim("ensemble", { folder: other })).rejects.toThrow(/dino_vitbase16_pretrain\.pth/);
});

test("every file that is read is listed, so that an absent one is known before and each one's checksum is kept", () => {
  expect(dreamSimFiles("ensemble", { folder: "D", dino: "dino.pth" })).toEqual([
    "dino.pth",
    path.join("D", "clip_vitb16_pretrain.pth.tar"),
    path.join("D", "open_clip_vitb16_pretrain.pth.tar"),
    path.join("D", "ensemble_lora/adapter_config.json"),
    path.join("D", "ensemble_lora/adapter_model.bin"),
  ]);
  expect(dreamSimFiles("clip_vitb32", { folder: "D" })).toHaveLength(3);
});
