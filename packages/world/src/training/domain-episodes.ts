// The published data sets as what training reads: letterboxed frames as bytes, and the actions of whole episodes.
// Axes: T frames, H height, W width, A action channels.
import { FormatError, invalid } from "@vid2world/formats";
import { brokenEpisodes, leftOutSentence } from "../data/broken-episodes.js";
import type { Channel } from "../data/action-space.js";
import { clipBytes, readClipInto } from "../data/clip-files.js";
import type { DomainEpisode, DomainSplit, EpisodeSource } from "../data/domain-clip.js";
import { missingSentence } from "../data/survey/missing-episodes.js";
import { openDomain } from "../data/open-dataset.js";
import type { TrainingConfig } from "./config.js";
import type { TrainingEpisode } from "./episodes.js";

/** The `data` part of a configuration that names a published data set. */
export type DomainDataConfig = Extract<TrainingConfig["data"], { domain: string }>;

/** Frames that are read at once: 64 letterboxed ones are 31 MB. */
const PIECE_FRAMES = 64;
/** Episodes whose actions are read at once. */
const AT_ONCE = 16;
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
 * already when letterboxed; RT-1's lose at most 1/255 of their range of 2. Told to `onWarning`: episodes that are left out because they
 * cannot be opened (too many are an error), and those that a list names but that are not there.
 */
export async function domainEpisodes(
  data: DomainDataConfig,
  onWarning: (message: string) => void = () => {},
): Promise<DomainEpisodes> {
  checkDomain(data);
  const { folder, validationFolder, validationList, splits, validationSubsample } = data;
  const divided = validationList !== undefined || splits !== undefined;
  const open = (directory: string, split: DomainSplit, most = Infinity): Promise<OpenedSplit> =>
    openSplit(data, directory, divided ? split : "all", most, onWarning);
  const { episodes, source } = await open(folder, "train");
  const measured = divided || validationFolder !== undefined;
  const heldOut = measured && (await open(validationFolder ?? folder, "val", validationSubsample ? FEW : Infinity));
  return { training: episodes, validation: heldOut ? heldOut.episodes : [], channels: source.channels };
}

interface OpenedSplit {
  readonly source: EpisodeSource;
  readonly episodes: readonly TrainingEpisode[];
}

async function openSplit(
  data: DomainDataConfig,
  directory: string,
  split: DomainSplit,
  most: number,
  onWarning: (message: string) => void,
): Promise<OpenedSplit> {
  const broken: FormatError[] = [];
  const onBroken = (error: FormatError): void => void broken.push(error);
  const source = await openDomain(data, directory, split, { onBroken });
  const found = (await source.episodes()).slice(0, most);
  const episodes: TrainingEpisode[] = [];
  const opened = (episode: DomainEpisode): Promise<TrainingEpisode | FormatError> =>
    trainingEpisode(source, episode).catch((error: unknown) => {
      if (error instanceof FormatError) return error;
      throw error;
    });
  for (let i = 0; i < found.length; i += AT_ONCE) {
    for (const episode of await Promise.all(found.slice(i, i + AT_ONCE).map(opened)))
      if (episode instanceof FormatError) broken.push(episode);
      else episodes.push(episode);
  }
  const total = episodes.length + broken.length;
  const leftOut = brokenEpisodes(total, { onSkip: (skipped) => onWarning(leftOutSentence(skipped, total)) });
  for (const { file, message } of broken) leftOut.add(file, message);
  const missing = missingSentence(data.validationList ?? data.splits ?? directory, source.missing);
  if (missing !== undefined) onWarning(missing);
  return { source, episodes };
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

async function trainingEpisode(
  source: EpisodeSource,
  { name, frames, files }: DomainEpisode,
): Promise<TrainingEpisode> {
  const readClip = async (start: number, count: number): Promise<Uint8Array> => {
    const clip_THWC = new Uint8Array(clipBytes(files, count));
    await readClipInto(files, { start, frames: count, stride: 1 }, clip_THWC);
    return clip_THWC;
  };
  return {
    ...{ name, frames, ...source.size, files, readClip },
    actions_TA: await source.actions(name),
    actionDim: source.actionDim,
    async *readFrames() {
      for (let start = 0; start < frames; start += PIECE_FRAMES) {
        const count = Math.min(PIECE_FRAMES, frames - start);
        yield { data: await readClip(start, count), frames: count };
      }
    },
  };
}
