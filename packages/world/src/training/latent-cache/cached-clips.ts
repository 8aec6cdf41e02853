// Clips of latents out of the files that `encodeLatents` wrote: only the rows that a clip needs are read, and checked as they come.
// Axes: B batch, T frames of a clip, C latent channels, H height, W width, N tokens of a picture, D their width.
import { crc32 } from "node:zlib";
import { FormatError } from "@vid2world/formats";
import { empty, fromTypedArray } from "@vid2world/torch";
import type { Device } from "@vid2world/torch";
import { brokenEpisodes, leftOutSentence } from "../../data/broken-episodes.js";
import { actionsOf, clipBatch, type ClipSource } from "../clip-source.js";
import type { ClipPlace } from "../clip-table.js";
import type { Draw } from "../draws.js";
import type { TrainingEpisode } from "../episodes.js";
import {
  type CacheIndex,
  checkIdentity,
  frameBytes,
  missingShards,
  readCacheIndex,
  type Shard,
  shardsOf,
} from "./cache-index.js";
import type { CacheIdentity } from "./identity.js";
import { readLeftOut } from "./left-out.js";
import { openShards } from "./open-shards.js";

/** Which latents, and how they are used. */
export interface CachedClipsOptions {
  readonly folder: string;
  readonly episodes: readonly TrainingEpisode[];
  readonly identity: CacheIdentity;
  /** Variants to use, the first ones; absent: all. */
  readonly variants?: number | undefined;
  /** Frames of a clip. */
  readonly frames: number;
  /** Latents are multiplied by this, so that they have about unit variance. */
  readonly scale: number;
  readonly device: Device;
  /** Told about each episode that has no latents, because its pictures could not be read. */
  readonly onBroken?: ((message: string) => void) | undefined;
}

/** Rows of the files, as they lie there. */
export interface StoredClips {
  readonly batch: number;
  readonly moments: Float32Array;
  readonly tokens?: Uint8Array;
  readonly actions_BTA?: Float32Array | undefined;
}

const ADVICE = "encode them: vid2world data encode CONFIG";

/** Opens stored latents. @throws FormatError where they were made from something else, or are not complete. */
export async function cachedClips(options: CachedClipsOptions): Promise<ClipSource<StoredClips>> {
  const { folder, episodes, identity, frames, scale, device } = options;
  const index = await readCacheIndex(folder);
  if (!index) throw new FormatError(folder, `holds no latents; ${ADVICE}`);
  checkIdentity(folder, index, identity);
  const variants = Math.min(index.variants, options.variants ?? index.variants);
  const shards = shardsOf(index, folder, episodes.length);
  const missing = await missingShards(index, folder, episodes.length);
  if (missing > 0) throw new FormatError(folder, `lacks ${missing} of its ${shards.length} files; ${ADVICE}`);
  const leftOut = await readLeftOut(folder);
  const broken = brokenEpisodes(episodes.length, {
    onSkip: (skipped) => options.onBroken?.(leftOutSentence(skipped, episodes.length)),
  });
  for (const { episode, reason } of leftOut) broken.add(episode, reason);
  const unread = new Set(leftOut.map(({ episode }) => episode));
  const rows = rowTable(index, episodes);
  const files = openShards();
  const sizes = frameBytes(index);

  /** Fills the place of clip b. */
  const readClip = ({ episode, start }: ClipPlace, variant: number, b: number, raw: StoredClips): Promise<void> => {
    const { file: path } = shards[variant * index.firstEpisodes.length + (rows.shard[episode] as number)] as Shard;
    const row = (rows.first[episode] as number) + start;
    return files.use(path, async ({ file, momentSums, tokenSums }) => {
      const moments = bytesOf(raw.moments).subarray(b * frames * sizes.moments, (b + 1) * frames * sizes.moments);
      checkRows(path, await file.readRange("moments", row * sizes.moments, moments), momentSums, row, frames);
      if (!raw.tokens) return;
      const tokens = raw.tokens.subarray(b * sizes.tokens, (b + 1) * sizes.tokens);
      checkRows(path, await file.readRange("tokens", row * sizes.tokens, tokens), tokenSums, row, 1);
    });
  };

  return {
    episodes: episodes.map((episode) => (unread.has(episode.name) ? { ...episode, frames: 0 } : episode)), // no clips of these
    frames,
    async read(places, draw?: Draw) {
      const batch = places.length;
      const actions_BTA = actionsOf(episodes, places, frames);
      const raw: StoredClips = {
        ...{ batch, actions_BTA },
        moments: new Float32Array((batch * frames * sizes.moments) / 4),
        ...(index.tokens && { tokens: new Uint8Array(batch * sizes.tokens) }),
      };
      const chosen = places.map(() => (draw && variants > 1 ? draw.below(variants) : 0));
      await Promise.all(places.map((place, b) => readClip(place, chosen[b] as number, b, raw)));
      return raw;
    },
    clips({ batch, moments, tokens, actions_BTA }) {
      const form = index.tokens;
      return clipBatch({
        ...{ batch, scale, actions_BTA, device },
        moments_N2CHW: fromTypedArray(moments, [batch * frames, 2, ...index.latent]).to(device),
        ...(tokens &&
          form && {
            tokens_BND: empty([batch, ...form.shape], { dtype: form.dtype })
              .writeBytes(tokens)
              .to(device)
              .float(),
          }),
      });
    },
    close: () => files.close(),
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function checkRows(path: string, bytes: Uint8Array, sums: Uint32Array, row: number, frames: number): void {
  const size = bytes.length / frames;
  for (let n = 0; n < frames; n++) {
    if (crc32(bytes.subarray(n * size, (n + 1) * size)) !== sums[row + n])
      throw new FormatError(path, `frame ${row + n} is damaged (checksum); remove the file and encode again`);
  }
}

/** Which file of a variant holds an episode, and at which row it begins there. */
function rowTable({ firstEpisodes }: CacheIndex, episodes: readonly { readonly frames: number }[]) {
  const shard = new Int32Array(episodes.length);
  const first = new Int32Array(episodes.length);
  let [file, row] = [-1, 0];
  episodes.forEach(({ frames }, e) => {
    if (firstEpisodes[file + 1] === e) [file, row] = [file + 1, 0];
    shard[e] = file;
    first[e] = row;
    row += frames;
  });
  return { shard, first };
}
