// What `vid2world causality` looks at: a world's network, a checkpoint's, or a configuration's with random weights; and where rollouts start.
import { type Device, manualSeed, noGrad, randnLike, scope } from "@vid2world/torch";
import type { WorldModel } from "@vid2world/world";
import type { RolloutStart } from "@vid2world/world/diffusion/rollout";
import { deviationStart, drawnClip, randomClip, type StartUse } from "@vid2world/world/evaluation/deviation-start";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import type { DenoisingRunConfig } from "@vid2world/world/training/config";
import { type ClipFlags, openClips } from "../rollout/open-clips.js";
import { type WorldFlags, configOf, openWorld } from "../rollout/open-world.js";

/** A network to look at. */
export interface Probe {
  readonly title: string;
  readonly unet: UNet3D;
  readonly device: Device;
  /** Absent where a configuration was given without a checkpoint: its weights are random. */
  readonly world?: WorldModel;
  /** Present where a configuration was given. */
  readonly config: DenoisingRunConfig | undefined;
}

/** Opens the network. Random weights are drawn so that every branch contributes: as built, most of them start at zero. */
export async function networkToProbe(given: string, flags: WorldFlags): Promise<Probe> {
  const config = await configOf(given, flags);
  const device = flags.device as Device;
  if (config === undefined || flags.checkpoint !== undefined) {
    const world = await openWorld(given, config, flags);
    const title = `${given}, ${flags.checkpoint ?? "its own weights"}`;
    return { title, unet: world.parts.unet, device, world, config };
  }
  manualSeed(flags.seed);
  const unet = new UNet3D(config.model).eval().requiresGrad_(false).to(device);
  noGrad(() => {
    for (const parameter of unet.parameters())
      scope(() => void parameter.add_(randnLike(parameter), { alpha: parameter.rank > 1 ? 0.02 : 0.1 }));
  });
  return { title: `${given}, random weights`, unet, device, config };
}

/** Where rollouts start: in a clip of the world's data or of what the flags name, else (or where `random` is asked for) in random pictures. */
export async function startOf(
  given: string,
  world: WorldModel,
  config: DenoisingRunConfig | undefined,
  flags: ClipFlags & { readonly randomStart?: true | undefined },
  use: StartUse,
): Promise<{ readonly start: RolloutStart; readonly from: string }> {
  const named = flags.data ?? flags.recordings;
  if (flags.randomStart === true || (!config && named === undefined && world.config.recordings === undefined))
    return { start: deviationStart(world, randomClip(world, use), use), from: "random pictures and actions" };
  const { contextFrames } = world;
  const windowLength = world.config.unet.temporalLength;
  // Only the length of the clips and the place of their first frames follow from the protocol: any domain has one that fits.
  const lengths = { windowLength, contextFrames, frames: use.frames };
  const protocol = (flags.domain ?? domainIn(config)) === "recon" ? "rollout" : "ar";
  const source = await openClips(given, config, flags, { protocol, ...lengths });
  try {
    return { start: deviationStart(world, await drawnClip(world, source, use), use), from: "a recorded clip" };
  } finally {
    await source.close();
  }
}

const domainIn = (config: DenoisingRunConfig | undefined): string | undefined =>
  config && "domain" in config.data ? config.data.domain : undefined;
