// For tests: a world with random weights so small that a rollout takes a moment, and invented clips of any domain.
// Axes: T frames, H height, W width, A numbers per action.
import { arange, manualSeed, noGrad, randnLike, scope } from "@vid2world/torch";
import type { ClipStart, DomainName, DomainSource } from "../../data/domain-clip.js";
import type { SamplerConfig } from "../../diffusion/samplers/sampler-config.js";
import { AutoencoderKL } from "../../model/autoencoder/autoencoder.js";
import { UNet3D } from "../../model/unet/unet.js";
import { worldSchema } from "../../world-config.js";
import { WorldModel } from "../../world-model.js";
import type { SceneDescriber } from "../../world-scene.js";
import { tinyUNet } from "../../model/testing/tiny-options.js";

/** Size of the pictures. */
export const tinySize = { height: 16, width: 24 } as const;

/** Actions of the domains. */
const widths: Readonly<Record<DomainName, number>> = { rt1: 13, csgo: 51, recon: 3, stills: 51, recordings: 2 };

/** What a tiny world is made for. */
export interface TinyWorldOptions {
  readonly domain: DomainName;
  readonly temporalLength?: number;
  readonly sampler?: Partial<SamplerConfig>;
  readonly size?: { readonly height: number; readonly width: number };
  /** Width of the context and who describes the scene. */
  readonly scene?: { readonly contextDim: number; readonly describe: SceneDescriber };
}

/** A world with random weights that fits a domain's actions. The same options give the same world. */
export function tinyWorld({
  domain,
  temporalLength = 6,
  sampler,
  scene,
  size = tinySize,
}: TinyWorldOptions): WorldModel {
  const config = worldSchema.parse({
    name: `tiny-${domain}`,
    frame: { height: size.height, width: size.width, fps: 3 },
    contextFrames: 2,
    autoencoder: { ch: 4, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 2 },
    unet: {
      ...tinyUNet,
      temporalLength,
      actionDim: widths[domain],
      actionEncoder: widths[domain] === 51 ? "multiHot" : "continuous",
      ...(scene && { contextDim: scene.contextDim }),
    },
    sampler: { numSteps: 2, ...sampler },
  });
  manualSeed(3);
  const unet = new UNet3D(config.unet).eval();
  const autoencoder = new AutoencoderKL(config.autoencoder).eval();
  // Many layers start at zero, which would make every action and every scene look the same.
  noGrad(() =>
    scope(() => {
      for (const parameter of unet.parameters()) parameter.add_(randnLike(parameter), { alpha: 0.2 });
      return [];
    }),
  );
  return new WorldModel({ config, unet, autoencoder, ...(scene && { describeScene: scene.describe }) });
}

/** Invented clips: pictures and actions follow from the episode and the frame. `reads` counts the clips that were read. */
export function tinySource(
  domain: DomainName,
  starts: readonly ClipStart[],
): DomainSource & { readonly reads: string[] } {
  const { height, width } = tinySize;
  const actionDim = widths[domain];
  const reads: string[] = [];
  return {
    domain,
    actionDim,
    size: tinySize,
    reads,
    list: () => starts,
    read({ name, start }, frames, stride = 1) {
      reads.push(name);
      const first = start + name.length;
      const frames_TCHW = scope(() => {
        const pixel = arange(frames * 3 * height * width).reshape([frames, 3, height, width]);
        return pixel
          .mul(0.003 * stride)
          .add(first)
          .sin()
          .clamp({ min: -0.98, max: 0.98 });
      });
      const actions_TA = Float32Array.from({ length: frames * actionDim }, (_, i) => ((i * 7 + first) % 5) / 4);
      return Promise.resolve({ name, start, frames_TCHW, actions_TA, actionDim, fps: 3 });
    },
    close: () => Promise.resolve(),
  };
}
