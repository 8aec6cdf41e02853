// Clips that are read, augmented and encoded in every step: nothing is stored, and every clip is seen differently each time.
// Axes: B batch, T frames of a clip, C latent channels, H height, W width, N tokens of a picture, D their width.
import { fromTypedArray } from "@vid2world/torch";
import type { Device } from "@vid2world/torch";
import { augmentFrames, type AugmentationKind, chooseAugmentation } from "../data/augmentation.js";
import { actionsOf, clipBatch, type ClipSource } from "./clip-source.js";
import type { ClipPlace } from "./clip-table.js";
import type { TrainingEpisode } from "./episodes.js";
import type { FrameEncoder } from "./frame-encoder.js";
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
}

/** Frames of clips, uint8 [B T H W 3], and their actions. */
export interface FramesOfClips {
  readonly batch: number;
  readonly frames_BTHWC: Uint8Array;
  readonly actions_BTA?: Float32Array | undefined;
}

/** Encodes clips when they are asked for. */
export function liveClips(options: LiveClipsOptions): ClipSource<FramesOfClips> {
  const { episodes, encoder, augmentation, frames, scale, device } = options;
  const { height = 0, width = 0 } = episodes[0] ?? {};
  const clipBytes = frames * height * width * 3;
  return {
    episodes,
    frames,
    async read(places, draw) {
      const frames_BTHWC = new Uint8Array(places.length * clipBytes);
      const choices = places.map(() =>
        draw && augmentation !== "none" ? chooseAugmentation(augmentation, draw) : undefined,
      );
      const readPlace = async ({ episode, start }: ClipPlace, b: number): Promise<void> => {
        const plain_THWC = await (episodes[episode] as TrainingEpisode).readClip(start, frames);
        const choice = choices[b];
        const clip_THWC = choice ? augmentFrames(plain_THWC, { height, width }, choice) : plain_THWC;
        frames_BTHWC.set(clip_THWC, b * clipBytes);
      };
      await Promise.all(places.map(readPlace));
      return { batch: places.length, frames_BTHWC, actions_BTA: actionsOf(episodes, places, frames) };
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
