// How far a rollout that streams is from one that evaluates whole windows: the same start, actions and noise, step by step and frame by
// frame. Zero up to rounding where the network is strictly causal and the past is kept; the price of keeping it where it is not.
// Axes: B rollouts, K context frames, T frames, C channels, H height, W width, A action channels.
import { invalid } from "@vid2world/formats";
import { type Tensor, keep } from "@vid2world/torch";
import type { FrameSettings } from "../diffusion/frame-sampling.js";
import { seededNoise } from "../diffusion/noise.js";
import { type RolloutStart, rolloutFrames } from "../diffusion/rollout.js";
import type { SamplerConfig } from "../diffusion/samplers/sampler-config.js";
import { UNetStream } from "../model/unet/unet-stream.js";
import { WorldModel } from "../world-model.js";

/** What is compared with the world's windows. */
export interface DeviationVariant {
  readonly name: string;
  /** Changes of the world's sampler beside `evaluation: streaming`. */
  readonly sampler: Partial<SamplerConfig>;
}

/** How far a variant is off. All numbers are root mean squares of the difference as parts of that of the window's latents. */
export interface Deviation {
  readonly name: string;
  /** Of the clean latents that each denoising step of the first new frame predicts, noisiest first. */
  readonly steps: readonly number[];
  /** Of each new frame. Differences grow along a rollout: every frame continues from the ones before. */
  readonly frames: readonly number[];
}

/** The comparisons that are made unless others are asked for: never evaluated anew, every half window, every frame. */
export function usualVariants(windowLength: number): DeviationVariant[] {
  const half = Math.max(2, Math.floor(windowLength / 2));
  return [
    { name: "streaming", sampler: { refreshEvery: 0 } },
    { name: `streaming, past anew every ${half} frames`, sampler: { refreshEvery: half } },
    { name: "streaming, past anew every frame", sampler: { refreshEvery: 1 } },
  ];
}

/** Rolls `start` out by windows and by every variant. Row b of the batch is drawn with `seed + b`. */
export async function measureDeviation(
  world: WorldModel,
  start: RolloutStart,
  variants: readonly DeviationVariant[],
  { seed = 0 }: { readonly seed?: number } = {},
): Promise<Deviation[]> {
  // One stream for all variants: what it keeps (derived weights, traces) is large, and none of it depends on the sampler.
  const stream = world.parts.stream ?? new UNetStream(world.parts.unet);
  const found: Deviation[] = [];
  let window: Recorded | undefined;
  try {
    window = await recorded(world, stream, start, { evaluation: "window" }, seed);
    const expected = window;
    for (const { name, sampler } of variants) {
      const other = await recorded(world, stream, start, { ...sampler, evaluation: "streaming" }, seed);
      const compare = (a: readonly Tensor[], b: readonly Tensor[]): number[] => a.map((x, i) => distance(x, b[i]));
      found.push({ name, steps: compare(expected.steps, other.steps), frames: compare(expected.frames, other.frames) });
      dispose(other);
    }
    return found;
  } finally {
    if (window) dispose(window);
    if (stream !== world.parts.stream) stream.dispose();
  }
}

interface Recorded {
  readonly steps: readonly Tensor[];
  readonly frames: readonly Tensor[];
}

async function recorded(
  world: WorldModel,
  stream: UNetStream,
  start: RolloutStart,
  changes: Partial<SamplerConfig>,
  seed: number,
): Promise<Recorded> {
  const { device, schedule } = world;
  const variant = new WorldModel({ ...world.parts, stream }, { device, sampler: { ...world.sampler, ...changes } });
  const first = start.latents_BTCHW.size(1);
  const batch = start.latents_BTCHW.size(0);
  const steps: Tensor[] = [];
  const settings: FrameSettings = {
    ...{ schedule, sampler: variant.sampler, windowLength: world.config.unet.temporalLength },
    noise: seededNoise(
      Array.from({ length: batch }, (_, b) => seed + b),
      { device },
    ),
    ...(variant.streaming && { streaming: variant.streaming }),
    onStep: ({ frame, x0_BTCHW }) => void (frame === first && steps.push(keep(x0_BTCHW.clone()))),
  };
  const frames: Tensor[] = [];
  for await (const { latent_BCHW } of rolloutFrames(variant.network, start, settings)) frames.push(latent_BCHW);
  return { steps, frames };
}

function dispose({ steps, frames }: Recorded): void {
  for (const tensor of [...steps, ...frames]) tensor.dispose();
}

function distance(a: Tensor, b: Tensor | undefined): number {
  if (b === undefined) throw invalid("deviation", "as many frames and steps of both", "fewer");
  return Math.sqrt(a.sub(b).square().mean().item() / Math.max(a.square().mean().item(), Number.MIN_VALUE));
}
