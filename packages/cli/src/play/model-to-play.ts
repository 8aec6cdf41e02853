// Which world with which weights `vid2world play --model` means: a world's name or folder, a run's, a configuration's, or a checkpoint's file.
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, parse, resolve } from "node:path";
import { FormatError, invalid } from "@vid2world/formats";
import { findWorld, readWorldConfig, worldFiles } from "@vid2world/world";
import { inspectCheckpoint } from "@vid2world/world/checkpoints/inspect";
import { csgoChannels } from "@vid2world/world/data/csgo/csgo-actions";
import { reconChannels } from "@vid2world/world/data/recon/recon-channels";
import { rt1Channels } from "@vid2world/world/data/rt1/rt1-channels";
import type { EngineSetup } from "@vid2world/world/serving/engine-calls";
import type { DenoisingRunConfig } from "@vid2world/world/training/config";
import { configuredWorld } from "@vid2world/world/training/configured-world";
import { WEIGHTS_PREFIX, resolveWeights } from "@vid2world/world/weights/root";
import { configOf, worldOf } from "../rollout/open-world.js";
import { withRunPaths } from "./run-paths.js";

/** What was asked for. */
export interface ModelFlags {
  readonly model: string;
  readonly checkpoint?: string | undefined;
  readonly supply?: readonly string[] | undefined;
}

/** What an engine loads, and where the world can be started unless the user says otherwise. */
export interface ModelToPlay {
  readonly world: string;
  readonly load: Pick<NonNullable<EngineSetup["load"]>, "checkpoint" | "supply">;
  /** Recordings, or the data that the world was trained on. */
  readonly starts?: string;
}

/** The configurations of the published models. */
const PUBLISHED: Readonly<Record<string, string>> = {
  "RT-1": "manipulation/rt1.yaml",
  "CS:GO": "game/csgo.yaml",
  RECON: "navigation/recon.yaml",
};
/** What the actions of their data mean. */
const CHANNELS = { rt1: rt1Channels, csgo: csgoChannels, recon: reconChannels, stills: () => undefined };
const CONFIGS = resolve(import.meta.dirname, "../../../../../configs");

/** Finds it. `scratch` is an empty folder for the description of a world that has none of its own; the engine reads it at every start. */
export async function modelToPlay(flags: ModelFlags, scratch: string): Promise<ModelToPlay> {
  const { model, checkpoint, supply = [] } = flags;
  if (isCheckpoint(model)) {
    if (checkpoint !== undefined) throw invalid("--checkpoint", "nothing, as --model is a checkpoint", checkpoint);
    return ofCheckpoint(resolveWeights(model), supply, scratch);
  }
  if (!/\.ya?ml$/.test(model)) {
    if (checkpoint !== undefined)
      throw invalid("--checkpoint", "nothing, as a world has weights; give the configuration as --model", checkpoint);
    return ofFolder(model);
  }
  const config = await configOf(model, {});
  const weights = checkpoint ?? config?.checkpoint;
  if (config === undefined || weights === undefined) return ofFolder(worldOf(model));
  return describe(config, { name: parse(model).name, checkpoint: resolveWeights(weights), supply, scratch });
}

const isCheckpoint = (model: string): boolean =>
  model.startsWith(WEIGHTS_PREFIX) || /\.(ckpt|pt|pth|bin|safetensors)$/.test(model);

async function ofFolder(model: string): Promise<ModelToPlay> {
  const ofRun = join(model, "world");
  if (existsSync(join(model, "checkpoints")) && !existsSync(join(ofRun, worldFiles.config)))
    throw new FormatError(model, "this run has no world yet, which training writes at its end; play one of its checkpoints: --model RUN/checkpoints/FILE"); // prettier-ignore
  const world = await findWorld(existsSync(join(ofRun, worldFiles.config)) ? ofRun : model);
  const { recordings } = await readWorldConfig(world);
  return { world, load: {}, ...(recordings !== undefined && { starts: resolve(world, recordings) }) };
}

/** A checkpoint of a run has the run's configuration beside it; a published one is known by its actions. */
async function ofCheckpoint(file: string, supply: readonly string[], scratch: string): Promise<ModelToPlay> {
  const run = dirname(dirname(resolve(file)));
  const ofRun = join(run, "config.yaml");
  if (basename(dirname(resolve(file))) === "checkpoints" && existsSync(ofRun)) {
    const config = await configOf(ofRun, {});
    if (config) return describe(config, { name: basename(run), checkpoint: file, supply, scratch, run });
  }
  const { model } = await inspectCheckpoint(file, { check: false });
  const known = model.domain === undefined ? undefined : PUBLISHED[model.domain];
  if (known === undefined || !existsSync(join(CONFIGS, known)))
    throw invalid("--model", `a configuration, with this file as --checkpoint: it is no published world model by itself`, `${file} (${model.title})`); // prettier-ignore
  const config = await configOf(join(CONFIGS, known), {});
  if (config === undefined) throw invalid("--model", "a configuration of a world", known);
  return describe(config, { name: parse(known).name, checkpoint: file, supply, scratch });
}

const fileOf = (autoencoder: string): string =>
  autoencoder.endsWith(".safetensors") ? autoencoder : join(autoencoder, worldFiles.autoencoder);

interface Described {
  readonly name: string;
  readonly checkpoint: string;
  readonly supply: readonly string[];
  readonly scratch: string;
  /** The run that the checkpoint is of. */
  readonly run?: string;
}

/** Writes the description of a configuration's world, with the names of its data's actions, for the engine to fill from the files. */
async function describe(
  config: DenoisingRunConfig,
  { name, checkpoint, supply, scratch, run }: Described,
): Promise<ModelToPlay> {
  const kept = run === undefined ? undefined : join(run, "world");
  const isKept = kept !== undefined && existsSync(join(kept, worldFiles.config));
  // What a run has written of its world holds wherever it is played; of one that has not ended, the configuration says where its files are.
  const here = isKept || run === undefined ? config : withRunPaths(config, run);
  const described = isKept ? await readWorldConfig(kept) : await configuredWorld(here, name);
  const { data, model, latents } = here;
  const channels = "domain" in data && model.actionDim !== undefined ? CHANNELS[data.domain]() : undefined;
  await mkdir(scratch, { recursive: true });
  const world = { ...described, name, ...(channels && { channels }) };
  await writeFile(join(scratch, worldFiles.config), JSON.stringify(world));
  // A run's checkpoint holds the network that it trains; its other one is where the configuration says, and in the run's own world.
  const { autoencoder } = latents;
  const named = typeof autoencoder === "string" ? [fileOf(autoencoder)] : [];
  const there = [...named, ...(kept === undefined ? [] : [join(kept, worldFiles.autoencoder)])].filter(existsSync);
  const own = there.length > 0 ? there.slice(0, 1) : named;
  const starts = "folder" in data ? data.folder : described.recordings && resolve(kept ?? "", described.recordings);
  return {
    world: scratch,
    load: { checkpoint, supply: [...supply.map((one) => resolveWeights(one)), ...own] },
    ...(starts !== undefined && { starts: resolve(starts) }),
  };
}
