// Opens everything that a configuration names, before a run writes its first file: what is missing or wrong is said at once.
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { scope, zeros } from "@vid2world/torch";
import { readAutoencoderHeader } from "./autoencoder-file.js";
import type { TrainingConfig } from "./config.js";
import { checkInitialWeights } from "./initialise.js";
import { checkContext, checkFrozenNetworks } from "./frozen-networks.js";
import type { TrainingListener } from "./events.js";
import { loadEpisodes, type TrainingData } from "./load-episodes.js";
import { checkTeacher, findTeacher } from "./run-distillation.js";
import { readWorldConfig } from "../world-folder.js";

/**
 * Throws an error that names the first input that is missing or does not fit. Reads headers and actions, no pictures and no weights.
 * Resolves with the run's data, to be opened once; what is left out of it is told as warnings.
 */
export async function checkInputs(config: TrainingConfig, onEvent?: TrainingListener): Promise<TrainingData> {
  scope(() => void zeros([1], { device: config.training.device as Device }));
  const data = await loadEpisodes(config, onEvent);
  await checkNetworks(config, data);
  return data;
}

async function checkNetworks(config: TrainingConfig, data: TrainingData): Promise<void> {
  if (config.kind === "autoencoder") return;
  if (config.kind === "tiny-decoder") return void (await readAutoencoderHeader(config.teacher));
  if (config.kind === "distillation") {
    const folder = await findTeacher(config.teacher);
    checkTeacher(await readWorldConfig(folder), data, config);
    await checkInitialWeights(folder);
    if (config.context) await checkContext(config.context);
    return;
  }
  const { latents, model, context } = config;
  if ((context !== undefined) !== (model.contextDim !== undefined))
    throw invalid("context, model.contextDim", "both or neither", context ? "context alone" : "model.contextDim alone");
  await checkFrozenNetworks(config);
  const recorded = data.training[0]?.actionDim;
  if (model.actionDim !== undefined && model.actionDim !== recorded) {
    throw invalid("model.actionDim", `${recorded} as in the recordings`, model.actionDim);
  }
  if (typeof latents.autoencoder === "string") await readAutoencoderHeader(latents.autoencoder);
  if (config.initialise) await checkInitialWeights(config.initialise.from);
}
