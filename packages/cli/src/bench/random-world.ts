// Worlds with random weights, for timing: the debug configuration's, and the published model's at its full size.
// Axes: B batch, L context tokens, D context width.
import { invalid } from "@vid2world/formats";
import { manualSeed, noGrad, randn, scope, withoutInit } from "@vid2world/torch";
import { type SceneDescriber, type WorldConfig, type WorldParts, worldSchema } from "@vid2world/world";
import { AutoencoderKL } from "@vid2world/world/model/autoencoder/autoencoder";
import { publishedUNet } from "@vid2world/world/model/latent-video-diffusion";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import { type StreamOptions, UNetStream } from "@vid2world/world/model/unet/unet-stream";
import { openCase } from "./cases.js";
import { drawWeights } from "./prepare.js";

/** Worlds that can be timed without weights. `full`: the published model at 320x512; `narrow`: the same with a tenth of its channels. */
export const randomWorldNames = ["debug", "narrow", "full"] as const;
/** One of them. */
export type RandomWorldName = (typeof randomWorldNames)[number];

/** Where a world's weights lie, and as what. */
export interface Placement {
  readonly device: "cpu" | "cuda";
  readonly dtype: "float32" | "bfloat16";
}

const ACTIONS = 13;
/** Noise level of the history: the published rule at 50 steps, fixed so that fewer steps see a history as clean. */
export const HISTORY_LEVEL = 39;
const SEED = 7;

/** Description of a random world. */
export async function randomWorldConfig(name: RandomWorldName): Promise<WorldConfig> {
  const sampler = { historyLevel: HISTORY_LEVEL };
  if (name !== "debug") {
    const narrow = name === "narrow";
    const unet = publishedUNet(ACTIONS, narrow ? { modelChannels: 32, headChannels: 32 } : {});
    const autoencoder = narrow ? { ch: 32 } : {};
    return worldSchema.parse({ name, frame: { width: 512, height: 320, fps: 3 }, autoencoder, unet, sampler });
  }
  const { model: unet, diffusion, latents } = (await openCase("debug")).run;
  if (typeof latents.autoencoder === "string" || !("untrained" in latents.autoencoder))
    throw invalid("latents.autoencoder", "an untrained one in configs/debug.yaml", latents.autoencoder);
  const frame = { width: 32, height: 32, fps: 10 };
  return worldSchema.parse({ name, frame, autoencoder: latents.autoencoder.untrained, unet, diffusion, sampler });
}

/** The parts of a random world. Its text and image tokens are random too: the towers that make them run once per scene, not per frame. */
export function randomParts(config: WorldConfig, { device, dtype }: Placement, how: StreamOptions = {}): WorldParts {
  manualSeed(SEED);
  // Drawn where they will lie: at full size a CPU takes longer to draw them than a GPU to sample a frame.
  const unet = withoutInit(() => new UNet3D(config.unet))
    .to(dtype)
    .to(device)
    .requiresGrad_(false)
    .eval();
  const autoencoder = withoutInit(() => new AutoencoderKL(config.autoencoder));
  autoencoder.to(dtype).to(device).requiresGrad_(false).eval();
  for (const module of [unet, autoencoder]) drawWeights(module);
  const describeScene = sceneOf(config, device);
  return { config, unet, autoencoder, stream: new UNetStream(unet, how), ...(describeScene && { describeScene }) };
}

/** Random tokens of a scene, as many as the published towers make; undefined for a network without a context. */
function sceneOf({ unet }: WorldConfig, device: Placement["device"]): SceneDescriber | undefined {
  const { contextDim, textTokens, imageTokensPerFrame, temporalLength } = unet;
  if (contextDim === undefined) return undefined;
  const tokens_BLD = () => randn([1, textTokens + imageTokensPerFrame * temporalLength, contextDim]).to(device);
  return () => noGrad(() => scope(() => ({ context: tokens_BLD(), unconditionalContext: tokens_BLD() })));
}
