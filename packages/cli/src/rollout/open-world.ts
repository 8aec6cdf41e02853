// The world that `vid2world rollout` rolls out: a folder's, a trained configuration's, a checkpoint's, or one with random weights.
import { basename, join, parse, relative } from "node:path";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { type WorldModel, loadConfig, loadWorld } from "@vid2world/world";
import { loadCheckpointWorld } from "@vid2world/world/checkpoints/load-world";
import { readConfigDocument } from "@vid2world/world/config/document";
import type { SamplerConfig } from "@vid2world/world/diffusion/samplers/sampler-config";
import { type DenoisingRunConfig, trainingConfigSchema } from "@vid2world/world/training/config";
import { configuredWorld, untrainedWorld } from "@vid2world/world/training/configured-world";
import { resolveWeights } from "@vid2world/world/weights/root";
import type { RolloutFlags } from "./options.js";

/** The flags that say which world with which weights, and how it is sampled: those of `vid2world rollout` and commands like it. */
export type WorldFlags = Pick<RolloutFlags, "device" | "seed"> &
  Partial<
    Pick<
      RolloutFlags,
      | "protocol"
      | "checkpoint"
      | "supply"
      | "untrained"
      | "dtype"
      | "set"
      | "steps"
      | "solver"
      | "spacing"
      | "guidance"
      | "rescale"
      | "eta"
    >
  >;

/** `configs/doom/world.yaml` -> `runs/doom/world/world`, where training leaves its world; anything else is a world already. */
export function worldOf(given: string): string {
  if (!isConfig(given)) return given;
  const inside = relative("configs", given);
  const { dir, name } = parse(inside.startsWith("..") ? basename(given) : inside);
  return join("runs", dir, name, "world");
}

const isConfig = (given: string): boolean => /\.ya?ml$/.test(given);

/** Reads the configuration if one is given; undefined for a world's name or folder. */
export async function configOf(
  given: string,
  { set }: Pick<WorldFlags, "set">,
): Promise<DenoisingRunConfig | undefined> {
  if (!isConfig(given)) {
    if (set) throw invalid("--set", "nothing, as the argument is a world and no configuration", set);
    return undefined;
  }
  const config = await loadConfig(given, trainingConfigSchema, { overrides: set ?? [] });
  if (config.kind !== "base" && config.kind !== "world")
    throw invalid("config", "kind world or base, which can be rolled out", config.kind);
  return config;
}

/** The known frames that a configuration names itself; its default is for worlds without a protocol. */
export async function contextOf(given: string, { set }: WorldFlags): Promise<number | undefined> {
  if (!isConfig(given)) return undefined;
  const { contextFrames } = (await readConfigDocument(given, set ?? [])).values as { readonly contextFrames?: unknown };
  return typeof contextFrames === "number" ? contextFrames : undefined;
}

/** Opens the world with its weights. */
export async function openWorld(
  given: string,
  config: DenoisingRunConfig | undefined,
  flags: WorldFlags,
): Promise<WorldModel> {
  const { device, dtype } = flags;
  const options = { device: device as Device, ...(dtype && { dtype }), sampler: samplerOf(flags) };
  const checkpoint = flags.checkpoint ?? config?.checkpoint;
  const sources = {
    ...(checkpoint !== undefined && { checkpoint: resolveWeights(checkpoint) }),
    ...(flags.supply && { supply: flags.supply.map((file) => resolveWeights(file)) }),
  };
  if (flags.untrained === true) {
    if (!config) throw invalid("--untrained", "a configuration, as a world has weights", given);
    return untrainedWorld(await configuredWorld(config, parse(given).name), { ...options, seed: flags.seed });
  }
  if (!config) return loadWorld(given, { ...options, ...sources });
  if (sources.checkpoint === undefined) {
    const overridden = overriddenSampler(config, worldOf(given), flags);
    return loadWorld(worldOf(given), { ...options, sampler: { ...overridden, ...options.sampler } });
  }
  const transfer = config.kind === "world" ? config.initialise?.transfer : undefined;
  return loadCheckpointWorld(await configuredWorld(config, parse(given).name), sources.checkpoint, {
    ...options,
    ...(sources.supply && { supply: sources.supply }),
    ...(transfer && { transfer }),
    wantedBy: given,
  });
}

/**
 * The sampler's settings that `--set` gave for a world that was trained from the configuration. Its networks are what they are: a setting that
 * cannot change anything any more is refused.
 */
function overriddenSampler(
  config: DenoisingRunConfig,
  folder: string,
  { set = [], protocol = config.protocol?.name }: WorldFlags,
): Partial<SamplerConfig> {
  const names = set.map((entry) => entry.split("=", 1)[0] ?? "");
  const asked = protocol === undefined ? ["data.recordings"] : ["data.", "protocol.", "contextFrames"];
  const late = names.find((name) => !["sampler.", ...asked].some((start) => name.startsWith(start)));
  if (late !== undefined)
    throw invalid(
      "--set",
      `settings of ${["the sampler (sampler.NAME=VALUE)", ...asked].join(" or ")}, as the world in ${folder} is trained already; give its weights as --checkpoint to build it otherwise`,
      late,
    );
  const chosen = names.flatMap((name) => /^sampler\.([^.]+)/.exec(name)?.[1] ?? []);
  const { sampler } = config as { readonly sampler: Readonly<Record<string, unknown>> };
  return Object.fromEntries(chosen.map((name) => [name, sampler[name]]));
}

/** The sampler's settings that were given by flags of their own; the others are the configuration's, whose defaults are the published ones. */
function samplerOf({ steps, solver, spacing, guidance, rescale, eta }: WorldFlags) {
  return {
    ...(steps !== undefined && { numSteps: steps }),
    ...(solver && { solver }),
    ...(spacing && { spacing }),
    ...(guidance !== undefined && { guidanceScale: guidance }),
    ...(rescale !== undefined && { guidanceRescale: rescale }),
    ...(eta !== undefined && { eta }),
  };
}
