// First weights of a video or world model: those of a video model without actions, made causal where asked for, or those of another world
// model; and those of the resampler that was trained with them.
import { stat } from "node:fs/promises";
import path from "node:path";
import { invalid, readSafetensorsHeader } from "@vid2world/formats";
import type { Tensor } from "@vid2world/torch";
import { loadSafetensors } from "@vid2world/torch";
import { closeSources, findPart, loadPart, openSources } from "../checkpoints/load-part.js";
import { initialiseUNet } from "../checkpoints/initialise-unet.js";
import { causalizeState } from "../model/causalize.js";
import type { TransferOptions } from "../model/causalize.js";
import type { Resampler, ResolvedResamplerOptions } from "../model/resampler.js";
import type { UNet3D } from "../model/unet/unet.js";
import { resolveWeights } from "../weights/root.js";
import { readWorldConfig, worldFiles } from "../world-folder.js";

/** Where first weights come from, and how a bidirectional model's kernels become causal (not used for weights that are causal already). */
export interface InitialiseOptions extends TransferOptions {
  /** Folder of a run, or of a world; or a checkpoint, by its file or `weights:NAME`. */
  readonly from: string;
}

/** Copies weights into `unet`. Only an action encoder that the source does not have keeps its random weights. */
export async function initialiseFrom(unet: UNet3D, { from, ...transfer }: InitialiseOptions): Promise<void> {
  const checkpoint = resolveWeights(from);
  if (await isFile(checkpoint)) return initialiseUNet(unet, checkpoint, transfer);
  const folder = await worldFolderOf(from);
  const source = await readWorldConfig(folder);
  const file = path.join(folder, worldFiles.unet);
  const stored = await loadSafetensors(file);
  if (source.unet.causal && !unet.options.causal)
    throw invalid("initialise.from", "a bidirectional model, as the configured one is", `${from}, which is causal`);
  const becomesCausal = unet.options.causal && !source.unet.causal;
  const state = becomesCausal ? causalizeState(stored, transfer) : new Map<string, Tensor>(stored);
  for (const [key, value] of unet.stateDict()) {
    if (key.startsWith("actionEncoder.") && !state.has(key)) state.set(key, value);
  }
  unet.loadStateDict(state, { from: file });
  for (const tensor of stored.values()) tensor.dispose();
}

/** Copies the weights of a resampler that was trained with the source's network, where the source has one. */
export async function initialiseResampler(
  resampler: Resampler,
  options: ResolvedResamplerOptions,
  from: string,
): Promise<void> {
  const checkpoint = resolveWeights(from);
  if (await isFile(checkpoint)) return resamplerOfCheckpoint(resampler, options, checkpoint);
  const file = path.join(await worldFolderOf(from), worldFiles.resampler);
  if (!(await isFile(file))) return;
  const stored = await loadSafetensors(file);
  resampler.loadStateDict(stored, { from: file });
  for (const tensor of stored.values()) tensor.dispose();
}

async function resamplerOfCheckpoint(
  resampler: Resampler,
  options: ResolvedResamplerOptions,
  checkpoint: string,
): Promise<void> {
  const sources = await openSources([checkpoint]);
  try {
    if (!sources.some(({ content }) => content.parts.resampler)) return;
    const wanted = { wantedBy: "context.resampler" };
    const found = await loadPart("resampler", options, sources, wanted);
    resampler.loadStateDict(found.stateDict(), { from: checkpoint });
    for (const parameter of found.parameters()) parameter.dispose();
  } finally {
    await closeSources(sources);
  }
}

/** Says now where first weights are missing: reads headers alone. */
export async function checkInitialWeights(from: string): Promise<void> {
  const checkpoint = resolveWeights(from);
  if (await isFile(checkpoint)) {
    const sources = await openSources([checkpoint]);
    try {
      findPart("unet", sources);
    } finally {
      await closeSources(sources);
    }
    return;
  }
  const folder = await worldFolderOf(from);
  await readWorldConfig(folder);
  await readSafetensorsHeader(path.join(folder, worldFiles.unet));
}

/** The folder of the world: that of a run keeps it in the folder `world`. */
export async function worldFolderOf(from: string): Promise<string> {
  const inside = path.join(from, "world");
  return stat(path.join(inside, worldFiles.config)).then(
    () => inside,
    () => from,
  );
}

const isFile = (from: string): Promise<boolean> =>
  stat(from).then(
    (found) => found.isFile(),
    () => false,
  );
