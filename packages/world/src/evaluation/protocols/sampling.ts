// What every protocol does with a world: frames to latents and a described scene, latents to frames, the settings of a batch.
// Axes: B clips of a batch, K known frames, C channels, H height, W width, A action channels.
import { type Tensor, fromTypedArray, noGrad, scope, stack } from "@vid2world/torch";
import type { FrameSettings, SceneConditioning } from "../../diffusion/frame-sampling.js";
import { type NoiseSource, seededNoise } from "../../diffusion/noise.js";
import type { WorldModel } from "../../world-model.js";
import { type FrameBlock, emptyBlock, setFrames } from "./frame-block.js";

/** Clips that are sampled together. */
export interface ClipBatch {
  /** Known frames, each [K 3 H W] in -1..1, K the same for all. */
  readonly known: readonly FrameBlock[];
  /** Actions from the first known frame on, row t taken at frame t, A numbers each. */
  readonly actions_TA: readonly Float32Array[];
  /** A whole number below 2^32 for each clip: clip b is drawn with `seeds[b]`, whatever is beside it in the batch. */
  readonly seeds: readonly number[];
}

/** How a batch is run. */
export interface SamplingOptions {
  /** Frames to predict. */
  readonly frames: number;
  readonly signal?: AbortSignal;
  /** Noise in place of what the seeds give: recorded noise, to compare with a recorded run. */
  readonly noise?: NoiseSource;
  /** Called when a predicted frame of the whole batch is finished. */
  readonly onFrame?: () => void;
}

/** Known frames as latents with their scene. The tensors belong to the caller: {@link disposeWindow}. */
export interface EncodedWindow {
  readonly latents_BTCHW: Tensor;
  readonly scene: SceneConditioning;
}

/** The settings of a batch: the world's own sampler and window, noise by seed. */
export function frameSettings(
  world: WorldModel,
  seeds: readonly number[],
  { signal, noise }: Pick<SamplingOptions, "signal" | "noise">,
): FrameSettings {
  const { schedule, sampler, device, streaming } = world;
  const windowLength = world.config.unet.temporalLength;
  const drawn = noise ?? seededNoise(seeds, { device });
  return { schedule, sampler, windowLength, noise: drawn, ...(streaming && { streaming }), ...(signal && { signal }) };
}

/** Frame `index` of every clip, [B 3 H W] on the world's device. */
export function frameOfAll(world: WorldModel, blocks: readonly FrameBlock[], index: number): Tensor {
  return scope(() =>
    stack(
      blocks.map(({ values, height, width }) => {
        const size = 3 * height * width;
        return fromTypedArray(values.slice(index * size, (index + 1) * size), [3, height, width]);
      }),
    ).to(world.device),
  );
}

/**
 * Encodes frames one after the other (the autoencoder needs far more memory than what it makes) and describes the scene by the first
 * one. Guidance is compared with the first frame's reconstruction, as published.
 */
export function encodeWindow(world: WorldModel, blocks: readonly FrameBlock[], noise: NoiseSource): EncodedWindow {
  const { codec, describeScene } = world;
  const count = blocks[0]?.frames ?? 0;
  return noGrad(() =>
    scope(() => {
      const latents = Array.from({ length: count }, (_, frame) =>
        scope(() => {
          const drawn = (shape: readonly number[]): Tensor => noise({ kind: "posterior", frame }, shape);
          return codec.encode(frameOfAll(world, blocks, frame), world.config.latents === "sample" ? drawn : undefined);
        }),
      );
      const latents_BTCHW = stack(latents, { dim: 1 });
      const first = (): Tensor => codec.decodePixels(latents_BTCHW.select(1, 0));
      const scene = describeScene?.(
        frameOfAll(world, blocks, 0),
        world.sampler.guidanceScale === 1 ? undefined : first,
      );
      return { latents_BTCHW, scene: scene ?? {} };
    }),
  );
}

/** Frees a window. */
export function disposeWindow({ latents_BTCHW, scene }: EncodedWindow): void {
  latents_BTCHW.dispose();
  for (const tensor of Object.values(scene) as (Tensor | undefined)[]) tensor?.dispose();
}

/** Rows `start` up to `end` of every clip's actions, [B T A]; undefined in a world without actions. */
export function actionsOfAll(
  world: WorldModel,
  { actions_TA }: ClipBatch,
  start: number,
  end: number,
): Tensor | undefined {
  const width = world.actionWidth;
  if (width === 0) return undefined;
  const values = new Float32Array(actions_TA.length * (end - start) * width);
  actions_TA.forEach((rows, b) => values.set(rows.subarray(start * width, end * width), b * (end - start) * width));
  return scope(() => fromTypedArray(values, [actions_TA.length, end - start, width]).to(world.device));
}

/** Decodes one frame of every clip into the clips' blocks. [B C H W] -> frame `index` */
export function decodeInto(world: WorldModel, blocks: readonly FrameBlock[], latent_BCHW: Tensor, index: number): void {
  using frame_BCHW = world.codec.decodePixels(latent_BCHW);
  setFrames(blocks, frame_BCHW, index);
}

/** An empty block of the world's size for every clip. */
export function blocksFor(world: WorldModel, { known }: ClipBatch, frames: number): FrameBlock[] {
  return known.map(() => emptyBlock(frames, world.height, world.width));
}
