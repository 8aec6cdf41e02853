// Encodes all frames of some episodes into files of latents. A file is there whole or not at all, and made of the same bytes each time, so
// that a run which was killed goes on with the file that was under way.
// Axes: N frames, C latent channels, H height, W width.
import { stat } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { FormatError, readSafetensorsHeader, writeSafetensorsPieces } from "@vid2world/formats";
import type { AppendSafetensors, SafetensorsPlan } from "@vid2world/formats";
import { fromTypedArray, noGrad, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { augmentFrames, type AugmentationKind, chooseAugmentation } from "../../data/augmentation.js";
import { drawFor } from "../draws.js";
import { countFrames, type FrameProgress, type TrainingEpisode } from "../episodes.js";
import type { FrameEncoder } from "../frame-encoder.js";
import {
  type CacheIndex,
  checkIdentity,
  planShards,
  readCacheIndex,
  type Shard,
  shardsOf,
  writeCacheIndex,
} from "./cache-index.js";
import type { CacheIdentity } from "./identity.js";

/** What is encoded, and where to. */
export interface EncodeLatentsOptions {
  readonly folder: string;
  readonly episodes: readonly TrainingEpisode[];
  readonly encoder: FrameEncoder;
  readonly identity: CacheIdentity;
  /** Differently augmented copies of every episode. */
  readonly variants: number;
  readonly augmentation: AugmentationKind;
  readonly augmentationSeed: number;
  /** About the size of a file. Default 1 GiB. A folder that was begun goes on with its own. */
  readonly shardBytes?: number | undefined;
  /** Encode only every `of`-th file, beginning with number `index`: several processes share the work. */
  readonly part?: { readonly index: number; readonly of: number } | undefined;
  readonly onProgress?: FrameProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Encodes what is not there yet. */
export async function encodeLatents(options: EncodeLatentsOptions): Promise<void> {
  const { folder, episodes, part = { index: 0, of: 1 }, onProgress, signal } = options;
  const index = await openIndex(options);
  const shards = shardsOf(index, folder, episodes.length).filter((_, k) => k % part.of === part.index);
  const framesOf = ({ first, end }: Shard): number => countFrames(episodes.slice(first, end));
  const total = shards.reduce((sum, shard) => sum + framesOf(shard), 0);
  let done = 0;
  for (const shard of shards) {
    signal?.throwIfAborted();
    if (await isThere(shard, framesOf(shard))) {
      onProgress?.((done += framesOf(shard)), total);
      continue;
    }
    await writeShard(shard, index, framesOf(shard), options, (frames) => onProgress?.((done += frames), total));
  }
}

/** The folder's own index where it was begun with the same identity, more variants added where they are asked for; otherwise a new one. */
async function openIndex(options: EncodeLatentsOptions): Promise<CacheIndex> {
  const { folder, episodes, encoder, identity, variants, shardBytes = 2 ** 30 } = options;
  const begun = await readCacheIndex(folder);
  if (begun) {
    checkIdentity(folder, begun, identity);
    if (begun.variants >= variants) return begun;
    const more = { ...begun, variants };
    await writeCacheIndex(folder, more);
    return more;
  }
  const { latent, tokens } = encoder;
  const form = { latent, ...(tokens && { tokens }) };
  const index: CacheIndex = {
    ...{ format: "vid2world-latents/1", identity: { ...identity }, ...form, variants },
    firstEpisodes: planShards(
      episodes.map(({ frames }) => frames),
      form,
      shardBytes,
    ),
  };
  await writeCacheIndex(folder, index);
  return index;
}

/** Whether a file is there; one that does not hold what the index says was put there by someone else. */
async function isThere({ file }: Shard, frames: number): Promise<boolean> {
  if (!(await stat(file).catch(() => undefined))) return false;
  const { tensors } = await readSafetensorsHeader(file);
  if (tensors.get("moments")?.shape[0] === frames) return true;
  throw new FormatError(file, `does not hold the moments of ${frames} frames; remove it and encode again`);
}

async function writeShard(
  shard: Shard,
  index: CacheIndex,
  frames: number,
  { episodes, encoder, augmentation, augmentationSeed, signal }: EncodeLatentsOptions,
  onFrames: (frames: number) => void,
): Promise<void> {
  // In the order of their names: an index that was read has another one than one just made.
  const identity = Object.fromEntries(Object.entries(index.identity).sort(([a], [b]) => (a < b ? -1 : 1)));
  const metadata = { ...identity, variant: String(shard.variant), episodes: `${shard.first} to ${shard.end - 1}` };
  await writeSafetensorsPieces(
    shard.file,
    plansOf(index, frames),
    async (append) => {
      for (let e = shard.first; e < shard.end; e++) {
        const episode = episodes[e] as TrainingEpisode;
        const choice =
          augmentation === "none"
            ? undefined
            : chooseAugmentation(augmentation, drawFor(augmentationSeed, shard.variant * episodes.length + e));
        for await (const { data, frames } of episode.readFrames()) {
          signal?.throwIfAborted();
          const bytes = choice ? augmentFrames(data, episode, choice) : data;
          for (const [name, rows] of encodePiece(encoder, bytes, [frames, episode.height, episode.width, 3]))
            await appendRows(append, name, rows, frames);
          onFrames(frames);
        }
      }
    },
    { metadata },
  );
}

/** The tensors of a file; checksums are CRC-32 of each frame's bytes. */
function plansOf({ latent, tokens }: CacheIndex, frames: number): SafetensorsPlan[] {
  const plans: SafetensorsPlan[] = [
    { name: "moments", dtype: "F32", shape: [frames, 2, ...latent] },
    { name: "moments.crc32", dtype: "U32", shape: [frames] },
  ];
  if (!tokens) return plans;
  return [
    ...plans,
    { name: "tokens", dtype: tokens.dtype === "float32" ? "F32" : "F16", shape: [frames, ...tokens.shape] },
    { name: "tokens.crc32", dtype: "U32", shape: [frames] },
  ];
}

function encodePiece(encoder: FrameEncoder, bytes: Uint8Array, shape: readonly number[]): [string, Uint8Array][] {
  return noGrad(() =>
    scope(() => {
      const frames_NHWC = fromTypedArray(bytes, shape);
      const rows: [string, Uint8Array][] = [["moments", bytesOf(encoder.moments(frames_NHWC))]];
      const { tokens } = encoder;
      if (tokens) rows.push(["tokens", bytesOf(encoder.imageTokens(frames_NHWC).to(tokens.dtype))]);
      return rows;
    }),
  );
}

const bytesOf = (tensor: Tensor): Uint8Array => tensor.to("cpu").contiguous().toBytes();

async function appendRows(append: AppendSafetensors, name: string, rows: Uint8Array, frames: number): Promise<void> {
  const size = rows.length / frames;
  const sums = Uint32Array.from({ length: frames }, (_, n) => crc32(rows.subarray(n * size, (n + 1) * size)));
  await append(name, rows);
  await append(`${name}.crc32`, new Uint8Array(sums.buffer));
}
