// Makes data sets: of recordings, of an opened domain, and of what the `data` part of a configuration names.
import { resolve } from "node:path";
import { invalid } from "@vid2world/formats";
import { openCsgo } from "./csgo/csgo-source.js";
import { datasetOf, meaning, type BrokenFile, type ClipEpisode, type ClipOptions, type Dataset } from "./dataset.js";
import { PUBLISHED_FPS, type DomainSplit, type EpisodeSource, type EpisodeSourceOptions } from "./domain-clip.js";
import { openRecon } from "./recon/recon-source.js";
import type { Split } from "./recording-format.js";
import { openRecording, type Recording } from "./recording.js";
import { openRt1 } from "./rt1/rt1-source.js";
import { openStills } from "./stills/stills-source.js";

/** Which clips to make of recordings. */
export interface DatasetOptions extends ClipOptions {
  readonly split: Split;
}

/** Own recordings, as a configuration names them. */
export interface RecordingsPlace {
  /** Folders of one or several recordings. */
  readonly recordings: string | readonly string[];
  /** Default: train. */
  readonly split?: Split | undefined;
  /** Split that is only measured; absent: no validation. */
  readonly validationSplit?: Split | undefined;
}

/** A published data set, or still images, as a configuration names them. */
export interface DomainPlace {
  readonly domain: "rt1" | "csgo" | "recon" | "stills";
  readonly folder: string;
  /** Folder of the held-out episodes where it is another one. */
  readonly validationFolder?: string | undefined;
  /** File that names the held-out episodes (RT-1: JSON, CS:GO: text). */
  readonly validationList?: string | undefined;
  /** Folder with the names of training and test trajectories (RECON). */
  readonly splits?: string | undefined;
  /** Size of the frames, bars included. Default 320x512. */
  readonly height?: number;
  readonly width?: number;
}

/** The `data` part of a configuration, as far as it says where clips come from. */
export type DataPlace = RecordingsPlace | DomainPlace;

/** Opens the clips to train on. `folder` is what relative paths start from. */
export function openTrainingClips(place: DataPlace, options: ClipOptions, folder = "."): Promise<Dataset> {
  if ("domain" in place) return domainClips(place, place.folder, divided(place) ? "train" : "all", options, folder);
  return recordedClips(place, place.split ?? "train", options, folder);
}

/** Opens the clips that are only measured; undefined where the place names none. */
export async function openValidationClips(
  place: DataPlace,
  options: ClipOptions,
  folder = ".",
): Promise<Dataset | undefined> {
  if ("domain" in place) {
    if (place.validationFolder === undefined && !divided(place)) return undefined;
    const directory = place.validationFolder ?? place.folder;
    return domainClips(place, directory, divided(place) ? "val" : "all", options, folder);
  }
  return place.validationSplit && recordedClips(place, place.validationSplit, options, folder);
}

/** Lists the clips of one split of several recordings, which must agree in picture size and channels. */
export function createDataset(recordings: readonly Recording[], { split, ...options }: DatasetOptions): Dataset {
  const { height, width, channels } = sameKind(recordings).header;
  const episodes = recordings
    .flatMap((recording) => recording.episodes)
    .filter((episode) => episode.split === split)
    .map(({ name, recording, fps, actions_TA, ...files }): ClipEpisode => {
      const { media, path, actionsFile, frames } = files; // the rest is not for the decoding threads
      return { name, recording, frames, fps, actions_TA, files: { media, path, actionsFile, frames, height, width } };
    });
  return datasetOf({ height, width, channels, episodes, kind: split }, options);
}

/**
 * Lists the clips of a published data set or of still images; files are opened to count their frames. `broken` is what its
 * `onBroken` was told while it was opened; it may grow until the files are counted.
 */
export async function createDomainDataset(
  source: EpisodeSource,
  options: ClipOptions,
  broken: readonly BrokenFile[] = [],
): Promise<Dataset> {
  const { domain, size, channels, missing } = source;
  const counted = await source.episodes();
  const episodes = counted.map(({ name, frames, files }): ClipEpisode => {
    return { name, recording: domain, frames, fps: PUBLISHED_FPS, files };
  });
  return datasetOf({ ...size, channels, episodes, missing, broken, kind: domain }, options);
}

/** Opens one split of a domain; relative paths start from `folder`. */
export function openDomain(
  { domain, validationList, splits, height = 320, width = 512 }: DomainPlace,
  directory: string,
  split: DomainSplit,
  options: EpisodeSourceOptions = {},
): Promise<EpisodeSource> {
  const common = { directory, split, size: { height, width }, ...options };
  switch (domain) {
    case "rt1":
      return openRt1({ ...common, ...(validationList !== undefined && { heldOut: validationList }) });
    case "csgo":
      return openCsgo({ ...common, ...(validationList !== undefined && { testSplit: validationList }) });
    case "recon":
      return openRecon({ ...common, ...(splits !== undefined && { splits }) });
    case "stills":
      return openStills(common);
  }
}

const divided = ({ validationList, splits }: DomainPlace): boolean =>
  validationList !== undefined || splits !== undefined;

async function domainClips(
  place: DomainPlace,
  directory: string,
  split: DomainSplit,
  options: ClipOptions,
  folder: string,
): Promise<Dataset> {
  const { validationList, splits } = place;
  const from = (path: string | undefined): string | undefined => path && resolve(folder, path);
  const broken: BrokenFile[] = [];
  const source = await openDomain(
    { ...place, validationList: from(validationList), splits: from(splits) },
    resolve(folder, directory),
    split,
    { onBroken: ({ file, message }) => broken.push({ file, reason: message }) },
  );
  return createDomainDataset(source, options, broken);
}

async function recordedClips(
  { recordings }: RecordingsPlace,
  split: Split,
  options: ClipOptions,
  folder: string,
): Promise<Dataset> {
  const paths = typeof recordings === "string" ? [recordings] : recordings;
  const opened = await Promise.all(paths.map((path) => openRecording(resolve(folder, path))));
  return createDataset(opened, { ...options, split });
}

function sameKind(recordings: readonly Recording[]): Recording {
  const [first, ...others] = recordings;
  if (first === undefined) throw invalid("recordings", "at least one", "none");
  for (const other of others) {
    if (meaning(other.header) === meaning(first.header)) continue;
    const expected = `one picture size and one list of channels, those of ${first.header.name}`;
    throw invalid("recordings", expected, `${other.header.name}, which has others`);
  }
  return first;
}
