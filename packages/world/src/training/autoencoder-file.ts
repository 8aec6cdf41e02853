// A trained autoencoder as one safetensors file: weights, and in the metadata its options and the scale of its latents.
import { stat } from "node:fs/promises";
import path from "node:path";
import { FormatError, readSafetensorsHeader } from "@vid2world/formats";
import { loadSafetensors, saveSafetensors } from "@vid2world/torch";
import { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import { type AutoencoderOptions, autoencoderSchema } from "../model/autoencoder/options.js";

/** The file's name in a run's folder. */
export const AUTOENCODER_FILE = "autoencoder.safetensors";

/** An autoencoder with what training a diffusion model on its latents needs to know. */
export interface TrainedAutoencoder {
  readonly autoencoder: AutoencoderKL;
  /** Latents times this have about unit variance. */
  readonly scale: number;
}

/** Writes `autoencoder` to `file`. */
export async function saveAutoencoder(file: string, autoencoder: AutoencoderKL, scale: number): Promise<void> {
  const metadata = { autoencoder: JSON.stringify(autoencoder.options), latentScale: String(scale) };
  await saveSafetensors(file, autoencoder.stateDict(), { metadata });
}

/** What the file of a trained autoencoder says about it, before its weights are read. */
export interface AutoencoderHeader {
  readonly file: string;
  readonly options: AutoencoderOptions;
  readonly scale: number;
}

/** Reads the header of what `saveAutoencoder` wrote; a folder stands for the file in it. */
export async function readAutoencoderHeader(fileOrFolder: string): Promise<AutoencoderHeader> {
  const found = await stat(fileOrFolder).catch(() => undefined);
  const file = found?.isDirectory() === true ? path.join(fileOrFolder, AUTOENCODER_FILE) : fileOrFolder;
  const advice = "train one with `kind: autoencoder` and name its run's folder in latents.autoencoder";
  if (!(await stat(file).catch(() => undefined))) throw new FormatError(file, `missing; ${advice}`);
  const { metadata } = await readSafetensorsHeader(file);
  const options = autoencoderSchema.safeParse(jsonOf(metadata["autoencoder"]));
  const scale = Number(metadata["latentScale"]);
  if (!options.success || !(scale > 0))
    throw new FormatError(file, `its metadata does not describe an autoencoder; ${advice}`);
  return { file, options: options.data, scale };
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}

/** Reads what `saveAutoencoder` wrote; a folder stands for the file in it. */
export async function loadAutoencoder(fileOrFolder: string): Promise<TrainedAutoencoder> {
  const { file, options, scale } = await readAutoencoderHeader(fileOrFolder);
  const autoencoder = new AutoencoderKL(options);
  const state = await loadSafetensors(file);
  autoencoder.loadStateDict(state, { from: file });
  for (const tensor of state.values()) tensor.dispose();
  return { autoencoder, scale };
}
