// Where a diffusion model's training gets its clips from: latents that were stored before, or frames that are encoded in every step.
// Axes: B batch, T frames of a clip, C latent channels, H height, W width, A action channels, N tokens of a picture, D their width.
import { fromTypedArray, randnLike } from "@vid2world/torch";
import type { Device, Tensor } from "@vid2world/torch";
import { type ClipPlace, clipTable, drawClips, nameClips } from "./clip-table.js";
import { type Draw, drawFor } from "./draws.js";
import type { TrainingEpisode } from "./episodes.js";
import type { Objective } from "./objective.js";

/** Clips of latents with what else a model is told of them. */
export interface ClipBatch {
  /** Scaled samples of the posterior. */
  readonly latents_BTCHW: Tensor;
  /** The action taken at each frame; absent where the recordings have none. */
  readonly actions_BTA?: Tensor;
  /** The image tower's tokens of each clip's first frame; absent in a model without a context. */
  readonly tokens_BND?: Tensor;
}

/** Clips of one split. `Raw` is what lies in memory between reading and use: bytes, never tensors. */
export interface ClipSource<Raw = unknown> {
  /** The episodes that clips are places in. */
  readonly episodes: readonly { readonly name: string; readonly frames: number }[];
  /** Frames of a clip. */
  readonly frames: number;
  /** Reads clips. `draw` chooses their variant or augmentation; without it they are always the same. */
  read(places: readonly ClipPlace[], draw?: Draw): Promise<Raw>;
  /** Makes tensors of what `read` gave, and draws the posterior's samples. Run it inside a `scope`. */
  clips(raw: Raw): ClipBatch;
  /** Ends what reads ahead and closes files. */
  close(): Promise<void>;
}

/** Actions of clips [B T A] row by row; undefined where there are none. */
export function actionsOf(
  episodes: readonly TrainingEpisode[],
  places: readonly ClipPlace[],
  frames: number,
): Float32Array | undefined {
  const actionDim = episodes[0]?.actionDim ?? 0;
  if (actionDim === 0) return undefined;
  const actions_BTA = new Float32Array(places.length * frames * actionDim);
  places.forEach(({ episode, start }, b) => {
    const { actions_TA } = episodes[episode] as TrainingEpisode;
    actions_BTA.set(actions_TA.subarray(start * actionDim, (start + frames) * actionDim), b * frames * actionDim);
  });
  return actions_BTA;
}

/** What a batch of clips is made of. */
export interface ClipParts {
  readonly batch: number;
  /** Mean and standard deviation of the posterior of all frames. */
  readonly moments_N2CHW: Tensor;
  readonly scale: number;
  readonly actions_BTA?: Float32Array | undefined;
  readonly tokens_BND?: Tensor | undefined;
  readonly device: Device;
}

/** Draws the samples, one for each frame. */
export function clipBatch({ batch, moments_N2CHW, scale, actions_BTA, tokens_BND, device }: ClipParts): ClipBatch {
  const frames = moments_N2CHW.size(0) / batch;
  const mean_NCHW = moments_N2CHW.select(1, 0).contiguous();
  const sample_NCHW = mean_NCHW.add(moments_N2CHW.select(1, 1).mul(randnLike(mean_NCHW))).mul(scale);
  return {
    latents_BTCHW: sample_NCHW.reshape([batch, frames, ...mean_NCHW.shape.slice(1)]),
    ...(actions_BTA && {
      actions_BTA: fromTypedArray(actions_BTA, [batch, frames, actions_BTA.length / batch / frames]).to(device),
    }),
    ...(tokens_BND && { tokens_BND }),
  };
}

/** The part of an objective that chooses and reads random clips, `batchSize` for each micro batch. */
export function randomClips(
  clips: ClipSource,
  batchSize: number,
): Required<Pick<Objective, "frames" | "next" | "samples">> {
  const table = clipTable(clips.episodes, clips.frames);
  return {
    frames: batchSize * clips.frames,
    next: readAhead((seed, stream) => {
      const draw = drawFor(seed, stream);
      return clips.read(drawClips(table, draw, batchSize), draw);
    }),
    samples: (draw) => nameClips(clips.episodes, drawClips(table, draw, batchSize), clips.frames),
  };
}

/** Reads micro batches ahead by one, as the distance between the last two foretells; a micro batch that was not foretold is read when asked for. */
export function readAhead<Raw>(
  read: (seed: number, stream: number) => Promise<Raw>,
): (seed: number, stream: number) => Promise<Raw> {
  let ahead: { readonly key: string; readonly raw: Promise<Raw> } | undefined;
  let last: number | undefined;
  return (seed, stream) => {
    const raw = ahead?.key === `${seed} ${stream}` ? ahead.raw : read(seed, stream);
    const next = stream + (last === undefined ? 1 : stream - last);
    last = stream;
    ahead = { key: `${seed} ${next}`, raw: read(seed, next) };
    ahead.raw.catch(() => undefined); // told when it is asked for
    return raw;
  };
}
