// Starts in the published data sets as training reads them: RT-1 as .npz, CS:GO as hdf5, RECON as folders of pictures. Which one a folder
// holds, the names in it say.

import { readdir } from "node:fs/promises";
import { FormatError } from "@vid2world/formats";
import { clipBytes, readClipInto } from "../../../data/clip-files.js";
import { type DomainEpisode, PUBLISHED_FPS } from "../../../data/domain-clip.js";
import { type DomainPlace, openDomain } from "../../../data/open-dataset.js";
import { type EpisodeGalleryOptions, type StartEpisode, episodeGallery } from "./episode-gallery.js";
import type { Gallery } from "./gallery.js";

type Domain = Exclude<DomainPlace["domain"], "stills">;

/** A file of each data set, as its name goes on from the folder. */
const SIGNS: readonly (readonly [RegExp, Domain])[] = [
  [/\.npz$/, "rt1"],
  [/(^|\/)hdf5_dm_[^/]*\.hdf5$/, "csgo"],
  [/(^|\/)traj_data\.pkl$/, "recon"],
];
/** Files of the same as they are downloaded, and what makes the above of them. */
const ORIGINALS: readonly (readonly [RegExp, string])[] = [
  [/\.tfrecord/, "convert-rt1"],
  [/hdf5_dm_[^/]*\.tar$/, "convert-csgo"],
  [/\.hdf5$/, "convert-recon"],
];

/** The data set in a folder; undefined where there is none. Throws a FormatError for one that has to be converted first. */
export async function datasetIn(folder: string): Promise<Domain | undefined> {
  const names = await namesIn(folder);
  const found = SIGNS.find(([sign]) => names.some((name) => sign.test(name)));
  if (found) return found[1];
  const original = ORIGINALS.find(([sign]) => names.some((name) => sign.test(name)));
  if (original)
    throw new FormatError(folder, `holds a data set as it is downloaded; make one to start from with \`vid2world data ${original[1]}\``); // prettier-ignore
  return undefined;
}

/** Names of the files in a folder and in the folders in it. */
async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory())
      names.push(...(await readdir(`${folder}/${entry.name}`)).map((one) => `${entry.name}/${one}`)); // prettier-ignore
    else names.push(entry.name);
  }
  return names;
}

/** Offers starts of a published data set in the world's own frame size; files that are broken are left out. */
export async function datasetGallery(folder: string, domain: Domain, options: EpisodeGalleryOptions): Promise<Gallery> {
  const { width, height, starts = 12 } = options;
  const source = await openDomain({ domain, folder, width, height }, folder, "all", { onBroken: () => undefined });
  const all = await source.episodes();
  // A few from the whole length of a list of thousands.
  const every = Math.max(1, Math.floor(all.length / starts));
  const episodes = all.filter((_, i) => i % every === 0).map(startEpisode);
  return episodeGallery({ width, height, channels: source.channels, episodes }, options);
}

/** The networks are told 3 frames per second whatever the camera did, so that titles count seconds by that. */
function startEpisode({ name, frames, files }: DomainEpisode): StartEpisode {
  const clip = async (start: number, end: number) => {
    const frames_THWC = new Uint8Array(clipBytes(files, end - start));
    const actions_TA = await readClipInto(files, { start, frames: end - start, stride: 1 }, frames_THWC);
    return { frames_THWC, actions_TA: actions_TA ?? new Float32Array() };
  };
  return {
    ...{ name, frames, fps: PUBLISHED_FPS },
    read: async (start, end) => (await clip(start, end)).frames_THWC,
    async actions(start, end) {
      const { actions_TA } = await clip(start, end);
      const width = actions_TA.length / (end - start);
      return Array.from({ length: end - start }, (_, t) => [...actions_TA.subarray(t * width, (t + 1) * width)]);
    },
  };
}
