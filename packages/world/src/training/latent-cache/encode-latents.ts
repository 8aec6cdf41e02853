// Encodes all frames of some episodes into files of latents. A file is there whole or not at all, and made of the same bytes each time, so
// that a run which was killed goes on with the file that was under way.
// Axes: N frames, C latent channels, H height, W width.
import { stat } from "node:fs/promises";
import path from "node:path";
import { crc32 } from "node:zlib";
import { FormatError, readSafetensorsHeader, writeSafetensorsPieces } from "@vid2world/formats";
import type { AppendSafetensors, SafetensorsPlan } from "@vid2world/formats";
import { fromTypedArray, noGrad, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { augmentFrames, type AugmentationKind, chooseAugmentation } from "../../data/augmentation.js";
import { type BrokenEpisodes, brokenEpisodes, leftOutSentence } from "../../data/broken-episodes.js";
import { removeStale } from "../../data/stale-files.js";
import { drawFor } from "../draws.js";
import { countFrames, type FrameProgress, type TrainingEpisode } from "../episodes.js";
import type { FrameEncoder } from "../frame-encoder.js";
import {
  type CacheIndex,
  checkIdentity,
  frameBytes,
  planShards,
  readCacheIndex,
  type Shard,
  shardsOf,
  writeCacheIndex,
} from "./cache-index.js";
import type { CacheIdentity } from "./identity.js";
import { type LeftOut, readLeftOut, writeLeftOut } from "./left-out.js";

/** What is encoded, and where to. */
export interface EncodeLatentsOptions {
  readonly folder: string;
  readonly episodes: readonly TrainingEpisode[];
  readonly encoder: FrameEncoder;
  readonly identity: CacheIdentity;
  /** Differently augmented copies of every episode; absent: as many as the folder was begun with, or one. */
  readonly variants?: number | undefined;
  readonly augmentation: AugmentationKind;
  readonly augmentationSeed: number;
  /** About the size of a file. Default 1 GiB. A folder that was begun goes on with its own. */
  readonly shardBytes?: number | undefined;
  /** Encode only every `of`-th file, beginning with number `index`: several processes share the work. */
  readonly part?: { readonly index: number; readonly of: number } | undefined;
  readonly onProgress?: FrameProgress | undefined;
  /** Told about each episode that is left out because its pictures cannot be read. */
  readonly onBroken?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Encodes what is not there yet, and resolves with the frames of all variants. An episode whose pictures cannot be read is left out.
 * @throws BrokenDataError where too many are.
 */
export async function encodeLatents(options: EncodeLatentsOptions): Promise<number> {
  const { folder, episodes, part = { index: 0, of: 1 }, onProgress, onBroken, signal } = options;
  const index = await openIndex(options);
  const shards = shardsOf(index, folder, episodes.length).filter((_, k) => k % part.of === part.index);
  const framesOf = ({ first, end }: Shard): number => countFrames(episodes.slice(first, end));
  const total = shards.reduce((sum, shard) => sum + framesOf(shard), 0);
  const broken = brokenEpisodes(episodes.length, {
    onSkip: (skipped) => onBroken?.(leftOutSentence(skipped, episodes.length)),
  });
  for (const { episode, reason } of await readLeftOut(folder)) broken.add(episode, reason);
  let done = 0;
  for (const shard of shards) {
    signal?.throwIfAborted();
    if (await isThere(shard, framesOf(shard))) {
      onProgress?.((done += framesOf(shard)), total);
      continue;
    }
    // What a killed run left half written; other processes' files are theirs.
    await removeStale(folder, (name) => name.startsWith(`.${path.basename(shard.file)}.`));
    const onFrames = (frames: number): void => onProgress?.((done += frames), total);
    await writeShard(shard, { index, frames: framesOf(shard), broken, onFrames }, options);
  }
  return countFrames(episodes) * index.variants;
}

/** The folder's own index where it was begun with the same identity, more variants added where they are asked for; otherwise a new one. */
async function openIndex(options: EncodeLatentsOptions): Promise<CacheIndex> {
  const { folder, episodes, encoder, identity, shardBytes = 2 ** 30 } = options;
  const begun = await readCacheIndex(folder);
  if (begun) {
    checkIdentity(folder, begun, identity);
    const { variants = begun.variants } = options;
    if (begun.variants >= variants) return begun;
    const more = { ...begun, variants };
    await writeCacheIndex(folder, more);
    return more;
  }
  const { latent, tokens } = encoder;
  const form = { latent, ...(tokens && { tokens }) };
  const index: CacheIndex = {
    ...{ format: "vid2world-latents/1", identity: { ...identity }, ...form, variants: options.variants ?? 1 },
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

interface Writing {
  readonly index: CacheIndex;
  /** Rows of the file. */
  readonly frames: number;
  readonly broken: BrokenEpisodes;
  readonly onFrames: (frames: number) => void;
}

async function writeShard(
  shard: Shard,
  { index, frames, broken, onFrames }: Writing,
  options: EncodeLatentsOptions,
): Promise<void> {
  // In the order of their names: an index that was read has another one than one just made.
  const identity = Object.fromEntries(Object.entries(index.identity).sort(([a], [b]) => (a < b ? -1 : 1)));
  const metadata = { ...identity, variant: String(shard.variant), episodes: `${shard.first} to ${shard.end - 1}` };
  await writeSafetensorsPieces(
    shard.file,
    plansOf(index, frames),
    async (append) => {
      const leftOut: LeftOut = [];
      for (let e = shard.first; e < shard.end; e++) {
        const { name, frames } = options.episodes[e] as TrainingEpisode;
        let written = 0;
        try {
          for await (const { rows, count } of encodeEpisode(options, e, shard.variant)) {
            for (const [name, bytes] of rows) await appendRows(append, name, bytes, count);
            written += count;
            onFrames(count);
          }
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
          broken.add(name, error.message);
          leftOut.push({ episode: name, reason: error.message });
          for (const [name, bytes] of emptyRows(index)) {
            for (let row = written; row < frames; row++) await appendRows(append, name, bytes, 1);
          }
          onFrames(frames - written);
        }
      }
      await writeLeftOut(shard.file, leftOut);
    },
    { metadata },
  );
}

/** Rows of one episode's tensors, piece by piece. */
async function* encodeEpisode(
  { episodes, encoder, augmentation, augmentationSeed, signal }: EncodeLatentsOptions,
  e: number,
  variant: number,
): AsyncGenerator<{ readonly rows: readonly [string, Uint8Array][]; readonly count: number }> {
  const episode = episodes[e] as TrainingEpisode;
  const choice =
    augmentation === "none"
      ? undefined
      : chooseAugmentation(augmentation, drawFor(augmentationSeed, variant * episodes.length + e));
  for await (const { data, frames } of episode.readFrames()) {
    signal?.throwIfAborted();
    const bytes = choice ? augmentFrames(data, episode, choice) : data;
    yield { rows: encodePiece(encoder, bytes, [frames, episode.height, episode.width, 3]), count: frames };
  }
}

function emptyRows(index: CacheIndex): [string, Uint8Array][] {
  const { moments, tokens } = frameBytes(index);
  return [["moments", new Uint8Array(moments)], ...(tokens > 0 ? [["tokens", new Uint8Array(tokens)] as [string, Uint8Array]] : [])]; // prettier-ignore
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
