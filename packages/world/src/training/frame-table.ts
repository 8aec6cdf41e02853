// All frames of the recordings in memory as bytes: what the autoencoder is trained on. 12,000 frames of 160x120 are 0.7 GB. What does not
// fit into memory is refused before it is read.
// Axes: N frames of all episodes, H height, W width, C colour channels.
import { totalmem } from "node:os";
import { FormatError, invalid } from "@vid2world/formats";
import { fromTypedArray, keep } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { brokenEpisodes, leftOutSentence } from "../data/broken-episodes.js";
import { countFrames } from "./episodes.js";
import type { FrameProgress, TrainingEpisode } from "./episodes.js";
import type { Draw } from "./draws.js";

/** Frames of several episodes one after the other, all of one size. */
export interface FrameTable {
  readonly episodes: readonly { readonly name: string; readonly frames: number }[];
  /** uint8. */
  readonly frames_NHWC: Tensor;
}

/** Share of the machine's memory that frames may take. */
const MEMORY_SHARE = 0.7;

/** How frames are read. */
export interface FrameTableOptions {
  readonly onProgress?: FrameProgress;
  readonly signal?: AbortSignal | undefined;
  /** Told about each episode that is left out because its pictures cannot be read. */
  readonly onBroken?: ((message: string) => void) | undefined;
  /** Most bytes of frames. Default: seven tenths of the machine's memory. */
  readonly maxBytes?: number;
}

/**
 * Reads every frame of `episodes`, but of those that cannot be read.
 * @throws before the first one is read where they are too many, BrokenDataError where too many episodes are broken.
 */
export async function frameTable(
  episodes: readonly TrainingEpisode[],
  { onProgress, onBroken, signal, maxBytes = MEMORY_SHARE * totalmem() }: FrameTableOptions = {},
): Promise<FrameTable> {
  const [first] = episodes;
  if (!first) throw invalid("episodes", "at least one episode", 0);
  const { height, width } = first;
  const total = countFrames(episodes);
  if (total * height * width * 3 > maxBytes) {
    const gigabytes = (bytes: number): string => `${(bytes / 1e9).toPrecision(2)} GB`;
    const needed = `${total} of ${width}x${height}, ${gigabytes(total * height * width * 3)}`;
    throw invalid("frames", `at most ${gigabytes(maxBytes)}, as all of them are held in memory`, needed);
  }
  const frameBytes = height * width * 3;
  const bytes = new Uint8Array(total * frameBytes);
  const broken = brokenEpisodes(episodes.length, {
    onSkip: (skipped) => onBroken?.(leftOutSentence(skipped, episodes.length)),
  });
  const whole: TrainingEpisode[] = [];
  let offset = 0;
  for (const episode of episodes) {
    if (episode.height !== height || episode.width !== width) {
      throw invalid(
        `size of ${episode.name}`,
        `${width}x${height} as ${first.name}`,
        `${episode.width}x${episode.height}`,
      );
    }
    const begin = offset;
    try {
      for await (const piece of episode.readFrames()) {
        signal?.throwIfAborted();
        bytes.set(piece.data, offset);
        offset += piece.data.length;
        onProgress?.(offset / frameBytes, total);
      }
      whole.push(episode);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      broken.add(episode.name, error.message);
      offset = begin;
    }
  }
  const held_NHWC = fromTypedArray(bytes.subarray(0, offset), [offset / frameBytes, height, width, 3]);
  return { episodes: whole, frames_NHWC: keep(held_NHWC) };
}

/** `count` random frames, uint8 [count H W 3]. */
export function sampleFrames({ frames_NHWC }: FrameTable, draw: Draw, count: number): Tensor {
  const places = Array.from({ length: count }, () => draw.below(frames_NHWC.size(0)));
  return framesAt(frames_NHWC, places);
}

/** `count` frames spread over all episodes, the same ones every time, uint8 [count H W 3]. */
export function validationFrames({ frames_NHWC }: FrameTable, count: number): Tensor {
  const places = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * frames_NHWC.size(0)) / count));
  return framesAt(frames_NHWC, places);
}

const framesAt = (frames_NHWC: Tensor, places: readonly number[]): Tensor =>
  frames_NHWC.indexSelect(0, fromTypedArray(BigInt64Array.from(places, BigInt), [places.length]));
