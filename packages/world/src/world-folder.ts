// A world as a folder: `world.json`, `unet.safetensors`, `autoencoder.safetensors`, where it has one a tiny decoder for live use, and for
// worlds with text and image conditioning the two towers and the resampler. Loading runs nothing from the folder; each file is written whole or not at all, the description last.

import { access, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { FormatError, invalid, writeFileAtomically } from "@vid2world/formats";
import { type Device, type Module, type Tensor, loadSafetensors, saveSafetensors, withoutInit } from "@vid2world/torch";
import { loadCheckpointWorld } from "./checkpoints/load-world.js";
import { TINY_DECODER_FILE, loadTinyDecoder, saveTinyDecoder } from "./checkpoints/tiny-decoder-file.js";
import { describeIssues } from "./config/issues.js";
import { AutoencoderKL } from "./model/autoencoder/autoencoder.js";
import { ClipImageTower } from "./model/clip/image-tower.js";
import { ClipTextTower } from "./model/clip/text-tower.js";
import { Resampler } from "./model/resampler.js";
import type { TinyDecoder } from "./model/tiny-decoder/tiny-decoder.js";
import { UNet3D } from "./model/unet/unet.js";
import { type WorldConfig, type WorldConfigInput, worldSchema } from "./world-config.js";
import { WorldModel, type WorldOptions } from "./world-model.js";
import { type SceneDescriber, type SceneNetworks, sceneDescriber } from "./world-scene.js";

/** The files of a world folder. */
export const worldFiles = {
  config: "world.json",
  unet: "unet.safetensors",
  autoencoder: "autoencoder.safetensors",
  tinyDecoder: TINY_DECODER_FILE,
  textTower: "text-tower.safetensors",
  imageTower: "image-tower.safetensors",
  resampler: "resampler.safetensors",
} as const;

/** How a world is loaded. */
export interface LoadWorldOptions extends WorldOptions {
  /** Type of the weights in memory; files may hold another (float16). Default float32. */
  readonly dtype?: "float32" | "bfloat16" | "float16";
  /** Tokens of a world with text and image conditioning, in place of what its own towers say; see `WorldParts`. */
  readonly describeScene?: SceneDescriber;
  /** A checkpoint's file that supplies the weights: the folder then only has to hold `world.json`. */
  readonly checkpoint?: string;
  /** File of a tiny decoder in place of the world's own: of a run, or a published TAESD decoder (see `loadTinyDecoder`). */
  readonly tinyDecoder?: string;
  /** Further checkpoints, for the networks that `checkpoint` does not have. */
  readonly supply?: readonly string[];
}

type Weights = Module | ReadonlyMap<string, Tensor>;

/** What `saveWorld` writes. A `LatentVideoDiffusion` is one. */
export interface WorldWeights {
  readonly unet: Weights;
  readonly autoencoder: Weights;
  /** Exactly where the configuration has `tinyDecoder`. */
  readonly tinyDecoder?: TinyDecoder;
  /** The three that describe a scene: exactly where the configuration has `clip` and `resampler`. */
  readonly textTower?: Weights;
  readonly imageTower?: Weights;
  readonly resampler?: Weights;
}

/** Loads a world by the name of one in `worlds/`, or from a folder. */
export async function loadWorld(nameOrPath: string, options: LoadWorldOptions = {}): Promise<WorldModel> {
  const folder = await findWorld(nameOrPath);
  const config = await readWorldConfig(folder);
  const { device = "cpu", dtype = "float32", checkpoint } = options;
  if (checkpoint !== undefined) return loadCheckpointWorld(config, checkpoint, options);
  if (config.unet.contextDim !== undefined && !config.clip && !options.describeScene)
    throw invalid(
      "describeScene",
      `a function, because the U-Net of world "${config.name}" is conditioned on text and image tokens and its ${worldFiles.config} has no clip and resampler`,
      options.describeScene,
    );
  const load = <M extends Module>(part: WorldPart, build: () => M): Promise<M> =>
    loadModule(withoutInit(build), path.join(folder, worldFiles[part]), device, dtype);
  const unet = await load("unet", () => new UNet3D(config.unet));
  const autoencoder = await load("autoencoder", () => new AutoencoderKL(config.autoencoder));
  const tinyDecoder = options.tinyDecoder ?? (config.tinyDecoder && path.join(folder, worldFiles.tinyDecoder));
  if (tinyDecoder !== undefined) await requireFile(tinyDecoder);
  const describeScene = options.describeScene ?? (await loadDescriber(config, load));
  const parts = {
    ...{ config, unet, autoencoder },
    ...(tinyDecoder !== undefined && { tinyDecoder: await loadTinyDecoder(tinyDecoder, { dtype, device }) }),
    ...(describeScene && { describeScene }),
  };
  return new WorldModel(parts, options);
}

const sceneParts = ["textTower", "imageTower", "resampler"] as const;
type WorldPart = Exclude<keyof typeof worldFiles, "config" | "tinyDecoder">;

/** The describer of a world that has the networks for it. */
async function loadDescriber(
  { clip, resampler }: WorldConfig,
  load: <M extends Module>(part: WorldPart, build: () => M) => Promise<M>,
): Promise<SceneDescriber | undefined> {
  if (!clip || !resampler) return undefined;
  const networks: SceneNetworks = {
    textTower: await load("textTower", () => new ClipTextTower(clip)),
    imageTower: await load("imageTower", () => new ClipImageTower(clip)),
    resampler: await load("resampler", () => new Resampler(resampler)),
  };
  return sceneDescriber(networks);
}

/** Writes a world folder: weights first, `world.json` last, each under a temporary name that is then renamed. */
export async function saveWorld(
  folder: string,
  config: WorldConfigInput,
  weights: WorldWeights,
  options: { readonly dtype?: "float32" | "float16" } = {},
): Promise<void> {
  const resolved = worldSchema.parse(config);
  const { dtype = "float32" } = options;
  const parts: WorldPart[] = ["unet", "autoencoder", ...(resolved.clip ? sceneParts : [])];
  await mkdir(folder, { recursive: true });
  for (const part of parts) {
    const tensors = weights[part];
    if (tensors === undefined) throw invalid(`weights.${part}`, "weights, as the configuration has clip", tensors);
    await saveSafetensors(path.join(folder, worldFiles[part]), tensorsOf(tensors), { dtype });
  }
  if (resolved.tinyDecoder) {
    if (!weights.tinyDecoder)
      throw invalid("weights.tinyDecoder", "a tiny decoder, as the configuration has one", weights.tinyDecoder);
    await saveTinyDecoder(path.join(folder, worldFiles.tinyDecoder), weights.tinyDecoder, { dtype });
  }
  await writeFileAtomically(path.join(folder, worldFiles.config), `${JSON.stringify(resolved, null, 2)}\n`);
}

/** The folder of a world: a path that holds `world.json`, or `worlds/NAME` in the working directory or above this package. */
export async function findWorld(nameOrPath: string): Promise<string> {
  const candidates = [path.resolve(nameOrPath)];
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(nameOrPath)) {
    for (const start of [process.cwd(), import.meta.dirname])
      for (let folder = start; ; folder = path.dirname(folder)) {
        candidates.push(path.join(folder, "worlds", nameOrPath));
        if (folder === path.dirname(folder)) break;
      }
  }
  for (const folder of candidates) if (await exists(path.join(folder, worldFiles.config))) return folder;
  throw new FormatError(
    nameOrPath,
    `no such world: neither a folder with ${worldFiles.config} nor a name in worlds/; train one with \`vid2world train\`, or give its folder`,
  );
}

/** Reads and checks `world.json`. */
export async function readWorldConfig(folder: string): Promise<WorldConfig> {
  const file = path.join(folder, worldFiles.config);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const absent = code === "ENOENT" || code === "ENOTDIR";
    const problem = absent
      ? "missing: the folder holds no world; train one first"
      : `not readable as JSON (${message})`;
    throw new FormatError(file, problem, undefined, { cause });
  }
  const result = worldSchema.safeParse(value);
  if (result.success) return result.data;
  throw new FormatError(file, `not a world of this version: ${describeIssues(worldSchema, value, result.error)}`);
}

/** Fills a module from a file; the error of a file that does not fit names file, keys and the way out. */
async function loadModule<M extends Module>(
  module: M,
  file: string,
  device: Device,
  dtype: NonNullable<LoadWorldOptions["dtype"]>,
): Promise<M> {
  await requireFile(file);
  const tensors = await loadSafetensors(file);
  try {
    module.loadStateDict(tensors, { from: "the file" });
  } catch (cause) {
    const advice = "the weights belong to another world.json; use both files of the same training run";
    throw new FormatError(file, `${(cause as Error).message}\n  ${advice}`, undefined, { cause });
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
  return module.to(dtype).to(device).requiresGrad_(false).eval();
}

/** Throws where a file of a world is missing. */
async function requireFile(file: string): Promise<void> {
  if (await exists(file)) return;
  const advice = "a world folder needs it beside world.json: copy it there or train the world again";
  throw new FormatError(file, `missing; ${advice}`);
}

function tensorsOf(weights: Module | ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map("stateDict" in weights ? weights.stateDict() : weights);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
