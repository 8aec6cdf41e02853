// A published checkpoint as a world: the configuration says what it should be, the files supply the networks.
import { invalid } from "@vid2world/formats";

import type { WorldConfig } from "../world-config.js";
import { WorldModel, type WorldOptions } from "../world-model.js";
import { sceneDescriber, type SceneDescriber } from "../world-scene.js";
import { loadTinyDecoder } from "./tiny-decoder-file.js";
import { closeSources, loadPart, openSources, type LoadPartOptions, type PartSource } from "./load-part.js";

/** How a world is loaded from checkpoints. */
export interface CheckpointWorldOptions extends WorldOptions, Omit<LoadPartOptions, "device"> {
  /** Further files, for the networks that the checkpoint does not have. */
  readonly supply?: readonly string[];
  /** File of a tiny decoder: of a run, or a published TAESD decoder. */
  readonly tinyDecoder?: string;
  /** Tokens in place of what the checkpoint's own towers say. */
  readonly describeScene?: SceneDescriber;
}

/**
 * Loads the networks of a world from a checkpoint of the published kind, or from our safetensors.
 *
 * @example const world = await loadCheckpointWorld(config, "vid2world-rt1.ckpt", { dtype: "bfloat16" });
 * @throws FormatError naming both sides for a checkpoint of another variant than `config`, or the file that supplies a missing network.
 */
export async function loadCheckpointWorld(
  config: WorldConfig,
  checkpoint: string,
  options: CheckpointWorldOptions = {},
): Promise<WorldModel> {
  const { supply = [], dtype, device, transfer, wantedBy, onProgress } = options;
  const sources = await openSources([checkpoint, ...supply]);
  const how: LoadPartOptions = {
    ...(dtype && { dtype }),
    ...(device && { device }),
    ...(transfer !== undefined && { transfer }),
    wantedBy: wantedBy ?? `world "${config.name}"`,
    ...(onProgress && { onProgress }),
  };
  try {
    const unet = await loadPart("unet", config.unet, sources, how);
    const autoencoder = await loadPart("autoencoder", config.autoencoder, sources, how);
    const describeScene = options.describeScene ?? (await loadDescriber(config, sources, how));
    const placed = { ...(dtype && { dtype }), ...(device && { device }) };
    const parts = {
      ...{ config, unet, autoencoder },
      ...(options.tinyDecoder !== undefined && { tinyDecoder: await loadTinyDecoder(options.tinyDecoder, placed) }),
      ...(describeScene && { describeScene }),
    };
    return new WorldModel(parts, options);
  } finally {
    await closeSources(sources);
  }
}

/** The describer of a world that is told of its scene; undefined for one that is not. */
async function loadDescriber(
  { name, unet, clip, resampler }: WorldConfig,
  sources: readonly PartSource[],
  how: LoadPartOptions,
): Promise<SceneDescriber | undefined> {
  if (unet.contextDim === undefined) return undefined;
  if (!clip || !resampler)
    throw invalid("config", `clip and resampler, because the U-Net of world "${name}" is told of its scene`, undefined);
  return sceneDescriber({
    textTower: await loadPart("textTower", clip, sources, how),
    imageTower: await loadPart("imageTower", clip, sources, how),
    resampler: await loadPart("resampler", resampler, sources, how),
  });
}
