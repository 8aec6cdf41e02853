// What is constant of the context, beside the latents of a model that has one: with it, training needs no towers.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { loadSafetensors, saveSafetensors } from "@vid2world/torch";
import type { Device, Tensor } from "@vid2world/torch";
import type { SceneConstants } from "../scene-context.js";

const FILE = "scene.safetensors";

/** Writes the constants, and frees them. */
export async function saveScene(folder: string, { text_1LD, grey_1ND }: SceneConstants): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tensors = new Map([
    ["text", text_1LD],
    ["grey", grey_1ND],
  ]);
  await saveSafetensors(path.join(folder, FILE), tensors);
  for (const tensor of tensors.values()) tensor.dispose();
}

/** Reads them. The tensors are the caller's. */
export async function loadScene(folder: string, device: Device): Promise<SceneConstants> {
  const tensors = await loadSafetensors(path.join(folder, FILE), { device });
  return { text_1LD: tensors.get("text") as Tensor, grey_1ND: tensors.get("grey") as Tensor };
}
