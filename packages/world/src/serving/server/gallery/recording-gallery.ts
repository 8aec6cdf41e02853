// Starts in own recordings: of their held-out episodes where there are any.

import { frameBytes, readFramesInto } from "../../../data/frames.js";
import { readClipFile } from "../../../data/recording-format.js";
import type { Recording } from "../../../data/recording.js";
import { type EpisodeGalleryOptions, type StartEpisode, episodeGallery } from "./episode-gallery.js";
import type { Gallery } from "./gallery.js";

/** Offers starts of a recording in the world's own frame size. */
export function recordingGallery({ header, episodes }: Recording, options: EpisodeGalleryOptions): Gallery {
  const { width, height, channels } = header;
  const heldOut = episodes.filter(({ split }) => split !== "train");
  const offered = (heldOut.length > 0 ? heldOut : episodes).map((episode): StartEpisode => {
    const { name, frames, fps, actionsFile } = episode;
    return {
      ...{ name, frames, fps },
      async read(start, end) {
        const frames_THWC = new Uint8Array(frameBytes(episode, end - start));
        await readFramesInto(episode, { start, end }, frames_THWC, { threads: 1 });
        return frames_THWC;
      },
      actions: async (start, end) => (await readClipFile(actionsFile, channels)).actions.slice(start, end),
    };
  });
  return episodeGallery({ width, height, channels, episodes: offered }, options);
}
