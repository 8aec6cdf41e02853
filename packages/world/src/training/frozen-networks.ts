// The networks that a diffusion model's training uses and never changes: the autoencoder, and the towers of a model with a context.
import { createHash } from "node:crypto";
import type { Device } from "@vid2world/torch";
import { closeSources, findPart, loadPart, openSources, requireMatch, shapesOf } from "../checkpoints/load-part.js";
import type { LoadPartOptions, PartSource } from "../checkpoints/load-part.js";
import { matchPart } from "../checkpoints/match-part.js";
import { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import type { ClipImageTower } from "../model/clip/image-tower.js";
import type { ClipTextTower } from "../model/clip/text-tower.js";
import type { Resampler } from "../model/resampler.js";
import { resolveWeights } from "../weights/root.js";
import { loadAutoencoder } from "./autoencoder-file.js";
import type { DenoisingRunConfig } from "./config.js";
import { frameTable } from "./frame-table.js";
import type { TrainingData } from "./load-episodes.js";
import { toPixels } from "./pixels.js";
import { latentScale } from "./latent-scale.js";

/** The `context` part of a configuration. */
export type ContextConfig = NonNullable<DenoisingRunConfig["context"]>;

/** An autoencoder, frozen and on its device, with the factor of its latents. */
export interface FrozenAutoencoder {
  readonly autoencoder: AutoencoderKL;
  /** Latents times this have about unit variance. */
  readonly scale: number;
}

/** Loads the autoencoder that a configuration names. Random weights are those of the generator's state, their scale that of the data. */
export async function frozenAutoencoder(
  { latents, training }: Pick<DenoisingRunConfig, "latents" | "training">,
  data: TrainingData,
): Promise<FrozenAutoencoder> {
  const given = latents.autoencoder;
  const found =
    typeof given === "string"
      ? await loadAutoencoder(given)
      : "checkpoint" in given
        ? await published(given.checkpoint, given)
        : await untrained(new AutoencoderKL(given.untrained), data);
  found.autoencoder
    .to(training.device as Device)
    .requiresGrad_(false)
    .eval();
  return found;
}

async function published(
  checkpoint: string,
  { options, scale }: { readonly options: AutoencoderKL["options"]; readonly scale: number },
): Promise<FrozenAutoencoder> {
  const autoencoder = await withCheckpoint(checkpoint, (sources) =>
    loadPart("autoencoder", options, sources, { wantedBy: "latents.autoencoder" }),
  );
  return { autoencoder, scale };
}

async function untrained(autoencoder: AutoencoderKL, data: TrainingData): Promise<FrozenAutoencoder> {
  const frames = await frameTable(data.training);
  const scale = latentScale(autoencoder, frames, toPixels(data.frame, data.padded));
  frames.frames_NHWC.dispose();
  return { autoencoder, scale };
}

/** Both towers, frozen. */
export interface Towers {
  readonly textTower: ClipTextTower;
  readonly imageTower: ClipImageTower;
}

/** Loads the towers of a context. */
export function loadTowers({ checkpoint, clip }: ContextConfig, device: Device): Promise<Towers> {
  return withCheckpoint(checkpoint, async (sources) => ({
    textTower: await loadPart("textTower", clip, sources, { device, wantedBy: "context.clip" }),
    imageTower: await loadPart("imageTower", clip, sources, { device, wantedBy: "context.clip" }),
  }));
}

/** Loads the resampler of a context; it is trained unless the configuration says otherwise. */
export async function loadResampler(context: ContextConfig, device: Device): Promise<Resampler> {
  const how: LoadPartOptions = { device, wantedBy: "context.resampler" };
  const resampler = await withCheckpoint(context.checkpoint, (sources) =>
    loadPart("resampler", context.resampler, sources, how),
  );
  return resampler.requiresGrad_(context.trainResampler);
}

/** Checksum of the towers' weights in their file; the towers are not built. */
export function towersChecksum({ checkpoint, clip }: ContextConfig): Promise<string> {
  return withCheckpoint(checkpoint, async (sources) => {
    const hash = createHash("sha256");
    for (const part of ["textTower", "imageTower"] as const) {
      const { file, found } = findPart(part, sources);
      const { keys } = requireMatch(file, found, matchPart(part, clip, found, shapesOf(file)));
      for (const [ours, key] of [...keys].sort(([a], [b]) => (a < b ? -1 : 1)))
        hash.update(`${part} ${ours} `).update(await file.read(key));
    }
    return hash.digest("hex").slice(0, 32);
  });
}

/** Says now what is missing in the checkpoints that a configuration names: reads their headers alone. */
export async function checkFrozenNetworks({
  latents,
  context,
}: Pick<DenoisingRunConfig, "latents" | "context">): Promise<void> {
  const { autoencoder } = latents;
  if (typeof autoencoder !== "string" && "checkpoint" in autoencoder)
    await withCheckpoint(autoencoder.checkpoint, (sources) => Promise.resolve(void findPart("autoencoder", sources)));
  if (context) await checkContext(context);
}

/** The same for the networks of a context alone. */
export async function checkContext({ checkpoint }: ContextConfig): Promise<void> {
  await withCheckpoint(checkpoint, (sources) => {
    for (const part of ["textTower", "imageTower", "resampler"] as const) findPart(part, sources);
    return Promise.resolve();
  });
}

async function withCheckpoint<T>(checkpoint: string, use: (sources: readonly PartSource[]) => Promise<T>): Promise<T> {
  const sources = await openSources([resolveWeights(checkpoint)]);
  try {
    return await use(sources);
  } finally {
    await closeSources(sources);
  }
}
