// Low-rank adapters (LoRA, arXiv:2106.09685) as the Python library PEFT writes them: `adapter_config.json` and `adapter_model.bin`.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "@vid2world/formats";
import { empty, noGrad, scope, type Tensor } from "@vid2world/torch";
import * as z from "zod";
import { storedDType } from "../../checkpoints/fill-module.js";
import { openCheckpoint } from "../../checkpoints/open-checkpoint.js";
import type { NetworkTensors } from "./network-weights.js";

const configSchema = z.looseObject({ r: z.int().positive(), lora_alpha: z.number() });

/** The two halves of a change of one matrix: what is added is `scale * up down`. */
const HALF = /^(?:base_model\.model\.)*extractor_list\.(\d+)\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/;

/** The files of the adapter in `folder`, there or not. PEFT writes safetensors since 2023, a PyTorch file before. */
export function adapterFiles(folder: string): { readonly config: string; readonly weights: string } {
  const [modern, old] = [path.join(folder, "adapter_model.safetensors"), path.join(folder, "adapter_model.bin")];
  return { config: path.join(folder, "adapter_config.json"), weights: existsSync(modern) ? modern : old };
}

/** Adds the adapter in `folder` to the matrices of several networks, numbered as the adapter numbers them. */
export async function applyAdapter(folder: string, networks: readonly NetworkTensors[]): Promise<void> {
  const { config: configFile, weights: file } = adapterFiles(folder);
  const { r: rank, lora_alpha: alpha } = readConfig(configFile, await readFile(configFile, "utf8"));
  const halves = new Map<string, Tensor>();
  try {
    await using checkpoint = await openCheckpoint(file);
    for (const [key, { shape }] of checkpoint.tensors) {
      if (!HALF.test(key))
        throw new FormatError(
          file,
          `tensor ${JSON.stringify(key)} is no part of a low-rank adapter that is known here`,
        );
      using stored = empty(shape, { dtype: storedDType(checkpoint, key) }).writeBytes(await checkpoint.read(key));
      halves.set(key, stored.to("float32").clone());
    }
    for (const [key, down] of halves) {
      const [, branch = "", name = "", half] = HALF.exec(key) ?? [];
      if (half === "B") continue;
      const up = halves.get(key.replace(".lora_A", ".lora_B"));
      const matrix = networks[Number(branch)]?.get(`${name}.weight`);
      if (!up || !matrix) throw new FormatError(file, `${key} has no ${up ? "matrix to change" : "second half"}`);
      addChange(file, key, matrix, down, up, alpha / rank);
    }
  } finally {
    for (const tensor of halves.values()) tensor.dispose();
  }
}

function addChange(file: string, key: string, matrix: Tensor, down: Tensor, up: Tensor, scale: number): void {
  const [rows, columns] = matrix.dims("rows columns");
  if (down.shape[1] !== columns || up.shape[0] !== rows || down.shape[0] !== up.shape[1])
    throw new FormatError(
      file,
      `${key}: [${up.shape.join(", ")}] times [${down.shape.join(", ")}] does not change a matrix [${rows}, ${columns}]`,
    );
  noGrad(() => scope(() => void matrix.add_(up.matmul(down), { alpha: scale })));
}

function readConfig(file: string, text: string): z.infer<typeof configSchema> {
  try {
    return configSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new FormatError(file, "is no description of a low-rank adapter (r, lora_alpha)", undefined, { cause });
  }
}
