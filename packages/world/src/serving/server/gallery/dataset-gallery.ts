// Starts in the published data sets as training reads them: RT-1 as .npz, CS:GO as hdf5, RECON as folders of pictures.

import { clipBytes, readClipInto } from "../../../data/clip-files.js";
import { type DomainEpisode, type EpisodeSource, PUBLISHED_FPS } from "../../../data/domain-clip.js";
import { openDomain } from "../../../data/open-dataset.js";
import { type EpisodeGalleryOptions, type StartEpisode, episodeGallery } from "./episode-gallery.js";
import type { Gallery } from "./gallery.js";

/** Offers starts of a published data set in the world's own frame size; files that are broken are left out. */
export async function datasetGallery(
  folder: string,
  domain: "rt1" | "csgo" | "recon",
  options: EpisodeGalleryOptions,
): Promise<Gallery> {
  const { width, height, starts = 12 } = options;
  const source = await openDomain({ domain, folder, width, height }, folder, "all", { onBroken: () => undefined });
  const all = await source.episodes();
  // A few from the whole length of a list of thousands.
  const every = Math.max(1, Math.floor(all.length / starts));
  const episodes = all.filter((_, i) => i % every === 0).map((episode) => startEpisode(source, episode));
  return episodeGallery({ width, height, channels: source.channels, episodes }, options);
}

/** The networks are told 3 frames per second whatever the camera did, so that titles count seconds by that. */
function startEpisode(source: EpisodeSource, { name, frames, files }: DomainEpisode): StartEpisode {
  return {
    ...{ name, frames, fps: PUBLISHED_FPS },
    async read(start, end) {
      const frames_THWC = new Uint8Array(clipBytes(files, end - start));
      await readClipInto(files, { start, frames: end - start, stride: 1 }, frames_THWC);
      return frames_THWC;
    },
    async actions(start, end) {
      const [actions_TA, width] = [await source.actions(name), source.actionDim];
      return Array.from({ length: end - start }, (_, t) => [
        ...actions_TA.subarray((start + t) * width, (start + t + 1) * width),
      ]);
    },
  };
}
