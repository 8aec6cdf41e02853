// Opens weights wherever they are: a checkpoint's file, a world's folder (by path or by its name in worlds/), or a training run's.
import { access, stat } from "node:fs/promises";
import path from "node:path";

import { FormatError } from "@vid2world/formats";

import type { CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import { resolveWeights } from "../weights/root.js";
import type { WorldConfig } from "../world-config.js";
import { findWorld, readWorldConfig, worldFiles } from "../world-folder.js";
import type { CheckpointEntry, CheckpointFacts, CheckpointFile } from "./checkpoint-file.js";
import { openCheckpoint } from "./open-checkpoint.js";
import { partNames } from "./parts.js";

/** Opens a file of weights (`weights:NAME` too) or a world. Tensors of a world are called `unet.` and so on, as in a safetensors export. */
export async function openWeights(source: string): Promise<CheckpointFile> {
  const fileOrWorld = resolveWeights(source);
  if (await isFile(fileOrWorld)) return openBesideWorld(fileOrWorld);
  if (/\.(safetensors|ckpt|pt|pth|bin)$/i.test(fileOrWorld) && !(await exists(fileOrWorld)))
    throw new FormatError(fileOrWorld, "no such file; give a file of weights, or a world by folder or name");
  const run = path.join(fileOrWorld, "world");
  const inRun = await exists(path.join(run, worldFiles.config));
  return openWorld(await findWorld(inRun ? run : fileOrWorld));
}

/** A file; where it is one of a world's, its `world.json` states the options. */
async function openBesideWorld(file: string): Promise<CheckpointFile> {
  const checkpoint = await openCheckpoint(file);
  const part = partNames.find((name) => worldFiles[name] === path.basename(file));
  if (part === undefined || !(await exists(path.join(path.dirname(file), worldFiles.config)))) return checkpoint;
  try {
    const { facts } = checkpoint;
    return { ...checkpoint, facts: { ...facts, ...worldFacts(await readWorldConfig(path.dirname(file))) } };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** What `world.json` states. */
function worldFacts({ unet, autoencoder, clip, resampler, diffusion }: WorldConfig): Partial<CheckpointFacts> {
  const towers = { ...(clip && { textTower: clip, imageTower: clip }), ...(resampler && { resampler }) };
  return { temporalLength: unet.temporalLength, diffusion, options: { unet, autoencoder, ...towers } };
}

/** The files of a world's folder as one checkpoint; `world.json` states the options. */
async function openWorld(folder: string): Promise<CheckpointFile> {
  const config = await readWorldConfig(folder);
  const present: CheckpointPart[] = [];
  for (const part of partNames) if (await exists(path.join(folder, worldFiles[part]))) present.push(part);
  const files = new Map<CheckpointPart, CheckpointFile>();
  const close = async (): Promise<void> => void (await Promise.all([...files.values()].map((file) => file.close())));
  try {
    for (const part of present) files.set(part, await openCheckpoint(path.join(folder, worldFiles[part])));
  } catch (error) {
    await close();
    throw error;
  }
  const tensors = new Map<string, CheckpointEntry>();
  for (const [part, file] of files) for (const [key, entry] of file.tensors) tensors.set(`${part}.${key}`, entry);
  return {
    path: folder,
    files: present.map((part) => path.join(folder, worldFiles[part])),
    container: "world folder",
    layout: "plain",
    tensors,
    facts: {
      optimizer: false,
      foreignClasses: [],
      metadata: {},
      ...worldFacts(config),
    },
    read: async (key) => {
      const dot = key.indexOf(".");
      const file = files.get(key.slice(0, dot) as CheckpointPart);
      if (!file) throw new Error(`no tensor ${key}`);
      return file.read(key.slice(dot + 1));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const isFile = (file: string): Promise<boolean> =>
  stat(file).then(
    (found) => found.isFile(),
    () => false,
  );

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
