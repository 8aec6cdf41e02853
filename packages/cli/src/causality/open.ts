// What `vid2world causality` looks at: a world's network, a checkpoint's, or a configuration's with random weights; and where rollouts start.
import { resolve } from "node:path";
import { type Device, fromTypedArray, manualSeed, noGrad, randn, randnLike, scope } from "@vid2world/torch";
import { findWorld, type WorldModel } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import type { RolloutStart } from "@vid2world/world/diffusion/rollout";
import { readHeldOutClips } from "@vid2world/world/evaluation/held-out";
import { chooseStarts } from "@vid2world/world/evaluation/starts";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import type { DenoisingRunConfig } from "@vid2world/world/training/config";
import { type WorldFlags, configOf, openWorld } from "../rollout/open-world.js";

/** A network to look at. */
export interface Probe {
  readonly title: string;
  readonly unet: UNet3D;
  readonly device: Device;
  /** Present where a configuration was given. */
  readonly config: DenoisingRunConfig | undefined;
}

/** Opens the network. Random weights are drawn so that every branch contributes: as built, most of them start at zero. */
export async function networkToProbe(given: string, flags: WorldFlags): Promise<Probe> {
  const config = await configOf(given, flags);
  const device = flags.device as Device;
  if (config === undefined || flags.checkpoint !== undefined) {
    const { unet } = (await openWorld(given, config, flags)).parts;
    return { title: `${given}, ${flags.checkpoint ?? "its own weights"}`, unet, device, config };
  }
  manualSeed(flags.seed);
  const unet = new UNet3D(config.model).eval().requiresGrad_(false).to(device);
  noGrad(() => {
    for (const parameter of unet.parameters())
      scope(() => void parameter.add_(randnLike(parameter), { alpha: parameter.rank > 1 ? 0.02 : 0.1 }));
  });
  return { title: `${given}, random weights`, unet, device, config };
}

/** A start from held-out recordings of the world, with their actions; of random latents where it has none. */
export async function deviationStart(
  given: string,
  world: WorldModel,
  frames: number,
  seed: number,
): Promise<RolloutStart> {
  const { contextFrames, codec, config, actionWidth } = world;
  // A trained configuration's world lies where training left it.
  const folder = config.recordings;
  if (folder === undefined) {
    manualSeed(seed);
    const down = 2 ** (config.autoencoder.channelMultipliers.length - 1);
    const { height, width, paddedHeight = height, paddedWidth = width } = config.frame;
    const latents = [1, contextFrames, config.autoencoder.embedDim, paddedHeight / down, paddedWidth / down];
    return {
      latents_BTCHW: randn(latents),
      ...(actionWidth > 0 && { actions_BTA: randn([1, contextFrames + frames, actionWidth]) }),
      numFrames: frames,
    };
  }
  const recording = await openRecording(resolve(await findWorld(given), folder));
  const clips = await readHeldOutClips(recording, world);
  const [start] = chooseStarts(clips, { count: 1, contextFrames, frames, seed, skip: 10 });
  if (start === undefined) throw new Error(`${folder}: no held-out clip of ${contextFrames + frames} frames`);
  const rows = contextFrames - 1 + frames;
  return {
    latents_BTCHW: codec.encode(start.context_THWC).unsqueeze(0),
    ...(actionWidth > 0 && {
      actions_BTA: fromTypedArray(start.actions_TA, [1, rows, actionWidth]).to(world.device),
    }),
    numFrames: frames,
  };
}
