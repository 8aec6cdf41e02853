// The latents of all recordings, computed once: a training step then only gathers numbers, it never decodes video or encodes frames.
// What is kept are the moments of the autoencoder's posterior, so every step still draws its own sample.
// Axes: N frames of all episodes, B batch, T frames of a clip, C latent channels, H height, W width, A action channels.
import { createHash } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { readSafetensorsHeader } from "@vid2world/formats";
import {
  cat,
  fromTypedArray,
  keep,
  loadSafetensors,
  noGrad,
  randnLike,
  saveSafetensors,
  scope,
} from "@vid2world/torch";
import type { Device, Tensor } from "@vid2world/torch";
import { drawClips, layOut, spreadClips } from "./episode-table.js";
import type { EpisodeSpan } from "./episode-table.js";
import { countFrames } from "./episodes.js";
import type { FrameProgress, TrainingEpisode } from "./episodes.js";
import type { Draw } from "./draws.js";

/** Posterior moments and actions of all frames. */
export interface LatentTable {
  readonly spans: readonly EpisodeSpan[];
  readonly mean_NCHW: Tensor;
  readonly std_NCHW: Tensor;
  readonly actions_NA: Tensor;
  /** Latents are multiplied by this, so that they have about unit variance. */
  readonly scale: number;
}

/** Gives posterior mean and standard deviation of recorded frames: uint8 [N H W 3] -> two of [N C h w]. */
export type FrameEncoder = (frames_NHWC: Tensor) => { readonly mean: Tensor; readonly std: Tensor };

/** How latents are computed and kept. */
export interface LatentTableOptions {
  readonly encode: FrameEncoder;
  readonly scale: number;
  /** Where the moments are kept. A file made from other weights or episodes is replaced. */
  readonly file: string;
  /** Identifies the autoencoder's weights: a checksum. */
  readonly encoderId: string;
  /** Where training reads the moments from. */
  readonly device: Device;
  readonly onProgress?: FrameProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Loads the latents of `episodes` from the file, or encodes them and writes it. */
export async function latentTable(
  episodes: readonly TrainingEpisode[],
  { encode, scale, file, encoderId, device, onProgress, signal }: LatentTableOptions,
): Promise<LatentTable> {
  const spans = layOut(episodes);
  const identity = identityOf(episodes, encoderId);
  const stored = await loadStored(file, identity);
  const moments = stored ?? (await encodeAll(episodes, encode, onProgress, signal));
  if (!stored) {
    await mkdir(path.dirname(file), { recursive: true });
    await saveSafetensors(file, moments, { metadata: { identity } });
  }
  const [mean_NCHW, std_NCHW] = ["mean", "std"].map((name) => keep((moments.get(name) as Tensor).to(device))) as [
    Tensor,
    Tensor,
  ];
  return { spans, mean_NCHW, std_NCHW, actions_NA: keep(actionTable(episodes).to(device)), scale };
}

/** Random clips as scaled posterior samples and their actions: [B T C H W], [B T A]. Run it inside a `scope`. */
export function sampleClips(table: LatentTable, draw: Draw, batch: number, frames: number): ClipBatch {
  return gather(table, drawClips(table.spans, draw, batch, frames), batch, frames);
}

/** The same clips every time, spread over all episodes; only the posterior sample is random. */
export function validationClips(table: LatentTable, batch: number, frames: number): ClipBatch {
  return gather(table, spreadClips(table.spans, batch, frames), batch, frames);
}

/** Clips of latents with the action taken at each frame. */
export interface ClipBatch {
  readonly latents_BTCHW: Tensor;
  /** Absent where the recordings have no actions. */
  readonly actions_BTA?: Tensor;
}

function gather(table: LatentTable, indices: BigInt64Array, batch: number, frames: number): ClipBatch {
  const { mean_NCHW, std_NCHW, actions_NA, scale } = table;
  const [, channels = 0, height = 0, width = 0] = mean_NCHW.shape;
  const [, actionDim = 0] = actions_NA.shape;
  const index = fromTypedArray(indices, [batch * frames]).to(mean_NCHW.device);
  const mean = mean_NCHW.indexSelect(0, index);
  const sample = mean.add(std_NCHW.indexSelect(0, index).mul(randnLike(mean))).mul(scale);
  const latents_BTCHW = sample.reshape([batch, frames, channels, height, width]);
  if (actionDim === 0) return { latents_BTCHW };
  return { latents_BTCHW, actions_BTA: actions_NA.indexSelect(0, index).reshape([batch, frames, actionDim]) };
}

async function encodeAll(
  episodes: readonly TrainingEpisode[],
  encode: FrameEncoder,
  onProgress: LatentTableOptions["onProgress"],
  signal: AbortSignal | undefined,
): Promise<Map<string, Tensor>> {
  const total = countFrames(episodes);
  const means: Tensor[] = [];
  const stds: Tensor[] = [];
  let done = 0;
  for (const episode of episodes) {
    const { height, width } = episode;
    for await (const { data, frames } of episode.readFrames()) {
      signal?.throwIfAborted();
      const { mean, std } = noGrad(() => scope(() => encode(fromTypedArray(data, [frames, height, width, 3]))));
      means.push(keep(mean.to("cpu")));
      stds.push(keep(std.to("cpu")));
      onProgress?.((done += frames), total);
    }
  }
  const joined = new Map([
    ["mean", keep(cat(means))],
    ["std", keep(cat(stds))],
  ]);
  for (const piece of [...means, ...stds]) piece.dispose();
  return joined;
}

async function loadStored(file: string, identity: string): Promise<Map<string, Tensor> | undefined> {
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (!exists || (await readSafetensorsHeader(file)).metadata["identity"] !== identity) return undefined;
  return loadSafetensors(file);
}

function identityOf(episodes: readonly TrainingEpisode[], encoderId: string): string {
  const hash = createHash("sha256").update(encoderId);
  // Recordings made anew under their old names differ in what was done, if in nothing else.
  for (const { name, frames, actions_TA } of episodes) {
    hash
      .update(`\n${name} ${frames} `)
      .update(new Uint8Array(actions_TA.buffer, actions_TA.byteOffset, actions_TA.byteLength));
  }
  return hash.digest("hex");
}

function actionTable(episodes: readonly TrainingEpisode[]): Tensor {
  const actionDim = episodes[0]?.actionDim ?? 0;
  const values = new Float32Array(episodes.reduce((sum, episode) => sum + episode.actions_TA.length, 0));
  let offset = 0;
  for (const { actions_TA } of episodes) {
    values.set(actions_TA, offset);
    offset += actions_TA.length;
  }
  return keep(fromTypedArray(values, [actionDim === 0 ? 0 : values.length / actionDim, actionDim]));
}
