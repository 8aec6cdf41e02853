// The published data sets as what training reads: letterboxed frames as bytes, and the actions of whole episodes.
// Axes: T frames, H height, W width, A action channels.
import { invalid } from "@vid2world/formats";
import type { Channel } from "../data/action-space.js";
import { clipBytes, readClipInto } from "../data/clip-files.js";
import type { EpisodeSource } from "../data/domain-clip.js";
import { openDomain } from "../data/open-dataset.js";
import type { TrainingConfig } from "./config.js";
import type { TrainingEpisode } from "./episodes.js";

/** The `data` part of a configuration that names a published data set. */
export type DomainDataConfig = Extract<TrainingConfig["data"], { domain: string }>;

/** Frames that are read at once: 64 letterboxed ones are 31 MB. */
const PIECE_FRAMES = 64;
/** Held-out episodes of `validationSubsample`. */
const FEW = 16;

/** Episodes of a data set, with the names of their actions. */
export interface DomainEpisodes {
  readonly training: readonly TrainingEpisode[];
  readonly validation: readonly TrainingEpisode[];
  readonly channels: readonly Channel[];
}

/**
 * Opens both splits of a data set, and reads lengths and actions. Frames are rounded to bytes, which CS:GO's and RECON's are
 * already when letterboxed; RT-1's lose at most 1/255 of their range of 2.
 */
export async function domainEpisodes(data: DomainDataConfig): Promise<DomainEpisodes> {
  checkDomain(data);
  const { folder, validationFolder, validationList, splits, validationSubsample } = data;
  const divided = validationList !== undefined || splits !== undefined;
  const training = await openDomain(data, folder, divided ? "train" : "all");
  const heldOut =
    divided || validationFolder !== undefined
      ? await openDomain(data, validationFolder ?? folder, divided ? "val" : "all")
      : undefined;
  const validation = heldOut === undefined ? [] : await episodesOf(heldOut, validationSubsample ? FEW : Infinity);
  return { training: await episodesOf(training), validation, channels: training.channels };
}

const spatialTransforms = {
  rt1: "resize_center_crop",
  csgo: "resize_center_crop_csgo",
  recon: "resize_center_crop",
} as const;

/** What these episodes cannot be is said, not ignored. */
function checkDomain({ domain, spatialTransform }: DomainDataConfig): void {
  if (domain === "stills")
    throw invalid("data.domain", "rt1, csgo or recon to train on; still images do not move", domain);
  if (spatialTransform !== spatialTransforms[domain]) {
    throw invalid("data.spatialTransform", `${spatialTransforms[domain]}, as ${domain} is published`, spatialTransform);
  }
}

async function episodesOf(source: EpisodeSource, most = Infinity): Promise<TrainingEpisode[]> {
  const episodes: TrainingEpisode[] = [];
  for (const { name, frames, files } of (await source.episodes()).slice(0, most)) {
    const readClip = async (start: number, count: number): Promise<Uint8Array> => {
      const clip_THWC = new Uint8Array(clipBytes(files, count));
      await readClipInto(files, { start, frames: count, stride: 1 }, clip_THWC);
      return clip_THWC;
    };
    episodes.push({
      ...{ name, frames, ...source.size, files, readClip },
      actions_TA: await source.actions(name),
      actionDim: source.actionDim,
      async *readFrames() {
        for (let start = 0; start < frames; start += PIECE_FRAMES) {
          const count = Math.min(PIECE_FRAMES, frames - start);
          yield { data: await readClip(start, count), frames: count };
        }
      },
    });
  }
  return episodes;
}
