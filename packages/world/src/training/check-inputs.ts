// Opens everything that a configuration names, before a run writes its first file: what is missing or wrong is said at once.
import path from "node:path";
import { invalid, readSafetensorsHeader } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { scope, zeros } from "@vid2world/torch";
import { readWorldConfig, worldFiles } from "../world-folder.js";
import { readAutoencoderHeader } from "./autoencoder-file.js";
import type { TrainingConfig } from "./config.js";
import { worldFolderOf } from "./initialise.js";
import { loadEpisodes } from "./load-episodes.js";

/** Throws an error that names the first input that is missing or does not fit. Reads headers and actions, no pictures and no weights. */
export async function checkInputs(config: TrainingConfig): Promise<void> {
  scope(() => void zeros([1], { device: config.training.device as Device }));
  const { training } = await loadEpisodes(config);
  if (config.kind === "autoencoder") return;
  if (config.kind === "tiny-decoder") return void (await readAutoencoderHeader(config.teacher));
  const { latents, model, context } = config;
  // Said here and not ignored: the training loop has no towers to make these tokens with.
  if (context) throw invalid("context", "no CLIP context in a model that is trained here", context.checkpoint);
  const recorded = training[0]?.actionDim;
  if (model.actionDim !== undefined && model.actionDim !== recorded) {
    throw invalid("model.actionDim", `${recorded} as in the recordings`, model.actionDim);
  }
  if (typeof latents.autoencoder === "string") await readAutoencoderHeader(latents.autoencoder);
  if (config.kind === "world" && config.initialise) {
    const folder = await worldFolderOf(config.initialise.from);
    await readWorldConfig(folder);
    await readSafetensorsHeader(path.join(folder, worldFiles.unet));
  }
}
