// Clips that are read, augmented and encoded in every step: nothing is stored, and every clip is seen differently each time.
// Axes: B batch, T frames of a clip, C latent channels, H height, W width, N tokens of a picture, D their width.
import { fromTypedArray } from "@vid2world/torch";
import type { Device } from "@vid2world/torch";
import { type BrokenEpisodes, brokenEpisodes, leftOutSentence } from "../data/broken-episodes.js";
import { type AugmentationKind, chooseAugmentation } from "../data/augmentation.js";
import { actionsOf, clipBatch, type ClipSource } from "./clip-source.js";
import { type ClipPlace, clipTable } from "./clip-table.js";
import type { Draw } from "./draws.js";
import type { TrainingEpisode } from "./episodes.js";
import type { FrameEncoder } from "./frame-encoder.js";
import type { LiveReader } from "./live-reader.js";
import { phase } from "./phases.js";

/** What is read, and how it is encoded. */
export interface LiveClipsOptions {
  readonly episodes: readonly TrainingEpisode[];
  readonly encoder: FrameEncoder;
  readonly augmentation: AugmentationKind;
  /** Frames of a clip. */
  readonly frames: number;
  readonly scale: number;
  readonly device: Device;
  readonly reader: LiveReader;
  /** Told about each episode that is left out because it cannot be read. */
  readonly onBroken?: ((message: string) => void) | undefined;
}

/** Frames of clips, uint8 [B T H W 3], and their actions. */
export interface FramesOfClips {
  readonly batch: number;
  readonly frames_BTHWC: Uint8Array;
  readonly actions_BTA?: Float32Array | undefined;
}

/** Encodes clips when they are asked for. The reader stays the caller's. */
export function liveClips(options: LiveClipsOptions): ClipSource<FramesOfClips> {
  const { episodes, encoder, frames, scale, device } = options;
  const { height = 0, width = 0 } = episodes[0] ?? {};
  const clipBytes = frames * height * width * 3;
  const broken = brokenEpisodes(episodes.length, {
    onSkip: (skipped) => options.onBroken?.(leftOutSentence(skipped, episodes.length)),
  });
  return {
    episodes,
    frames,
    async read(places, draw) {
      const frames_BTHWC = new Uint8Array(places.length * clipBytes);
      const taken = await readPlaces(options, broken, places, draw, (clip_THWC, b) =>
        frames_BTHWC.set(clip_THWC, b * clipBytes),
      );
      return { batch: places.length, frames_BTHWC, actions_BTA: actionsOf(episodes, taken, frames) };
    },
    clips({ batch, frames_BTHWC, actions_BTA }) {
      const { moments_N2CHW, tokens_BND } = phase("encoding", () => {
        const frames_NHWC = fromTypedArray(frames_BTHWC, [batch * frames, height, width, 3]).to(device);
        const first_BHWC = frames_NHWC.reshape([batch, frames, height, width, 3]).select(1, 0);
        return {
          moments_N2CHW: encoder.moments(frames_NHWC),
          tokens_BND: encoder.tokens && encoder.imageTokens(first_BHWC),
        };
      });
      return clipBatch({ batch, moments_N2CHW, tokens_BND, actions_BTA, scale, device });
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Reads clips, and others in place of those that cannot be read. Which ones follows from the draw alone, so that a resumed run takes the
 * same: a clip that can be read is taken, even of an episode that is damaged elsewhere.
 */
async function readPlaces(
  { episodes, augmentation, frames, reader }: LiveClipsOptions,
  broken: BrokenEpisodes,
  places: readonly ClipPlace[],
  draw: Draw | undefined,
  take: (clip_THWC: Uint8Array, b: number) => void,
): Promise<ClipPlace[]> {
  const choices = places.map(() =>
    draw && augmentation !== "none" ? chooseAugmentation(augmentation, draw) : undefined,
  );
  const read = async ({ episode: e, start }: ClipPlace, b: number): Promise<Error | undefined> => {
    const episode = episodes[e] as TrainingEpisode;
    const clip_THWC = await reader.read(episode, start, frames, choices[b]);
    if (!(clip_THWC instanceof Error)) return void take(clip_THWC, b);
    broken.add(episode.name, clip_THWC.message);
    return clip_THWC;
  };
  const taken = [...places];
  const errors = await Promise.all(places.map(read));
  const table = clipTable(episodes, frames);
  for (const [b, error] of errors.entries()) {
    if (!error) continue;
    if (!draw) throw error; // held-out clips are not exchanged
    do taken[b] = table.at(draw.below(table.length));
    while (await read(taken[b], b));
  }
  return taken;
}
