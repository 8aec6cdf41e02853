// Encoding the data of a configuration without training on it: `vid2world data encode`.
import path from "node:path";
import { invalid } from "@vid2world/formats";
import { manualSeed, setNumThreads } from "@vid2world/torch";
import { checkInputs } from "./check-inputs.js";
import type { TrainingConfig } from "./config.js";
import { frozenAutoencoder } from "./frozen-networks.js";
import { encodeSplits, type EncodeSplitsOptions } from "./training-clips.js";

/** How the data of a configuration is encoded; without `folder` into `latents.cache`. */
export interface EncodeRunOptions extends Omit<EncodeSplitsOptions, "folder"> {
  readonly folder?: string | undefined;
}

/** What was encoded, now or before. */
export interface EncodeRunResult {
  readonly folder: string;
  /** Frames of all variants of both splits. */
  readonly frames: number;
}

/** Encodes what is not there yet of a configuration's data. Training with the same configuration then reads it. */
export async function encodeRecordings(config: TrainingConfig, options: EncodeRunOptions): Promise<EncodeRunResult> {
  if (config.kind !== "base" && config.kind !== "world")
    throw invalid("kind", "base or world, which are trained on latents and not on pictures", config.kind);
  const folder = options.folder ?? config.latents.cache;
  if (folder === undefined) throw invalid("latents.cache", "a folder for the latents (or --out)", undefined);
  const data = await checkInputs(config, options.onEvent);
  const { threads, seed } = config.training;
  if (threads !== undefined) setNumThreads(threads);
  manualSeed(seed); // random weights, where the configuration asks for such
  const frozen = await frozenAutoencoder(config, data);
  const frames = await encodeSplits({ config, data, frozen }, { ...options, folder: path.resolve(folder) });
  return { folder, frames };
}
