// Where a world can be started: what the page shows to choose from.
//   K context frames, H rows, W columns, 3 colours, uint8

import type { GalleryEntry } from "../../protocol/messages.js";

/** First frames of a session. */
export interface GalleryStart {
  /** K*H*W*3 bytes in the world's frame size. */
  readonly frames: Uint8Array;
  /** K - 1 rows, one value per channel; absent: at rest. */
  readonly actions?: readonly (readonly number[])[];
}

/** Starts by id. */
export interface Gallery {
  readonly entries: readonly GalleryEntry[];
  /** The first frames of an entry. */
  start(id: string): Promise<GalleryStart>;
  /** True frame of the recording, H*W*3 bytes, counted from the first context frame. */
  truth(id: string, frame: number): Promise<Uint8Array>;
}

/** A gallery of starts that are in memory: of a picture or a video that the operator names. */
export function fixedGallery(starts: readonly (GalleryStart & { readonly title: string })[]): Gallery {
  const entries = starts.map(({ title }, i) => ({ id: `start-${i}`, title, truthFrames: 0 }));
  return {
    entries,
    start(id) {
      const start = starts[entries.findIndex((entry) => entry.id === id)];
      return start ? Promise.resolve(start) : Promise.reject(new Error(`no start ${id}`));
    },
    truth: (id) => Promise.reject(new Error(`${id} has no truth`)),
  };
}

/** Several galleries as one. Ids are made distinct by the number of the gallery. */
export function joinGalleries(galleries: readonly Gallery[]): Gallery {
  const [only, ...others] = galleries;
  if (only && others.length === 0) return only;
  const owners = new Map<string, readonly [Gallery, string]>();
  const entries = galleries.flatMap((gallery, g) =>
    gallery.entries.map((entry) => {
      const id = `${g}-${entry.id}`;
      owners.set(id, [gallery, entry.id]);
      return { ...entry, id };
    }),
  );
  const owner = (id: string): readonly [Gallery, string] => {
    const found = owners.get(id);
    if (!found) throw new Error(`no start ${id}`);
    return found;
  };
  return {
    entries,
    start: async (id) => owner(id)[0].start(owner(id)[1]),
    truth: async (id, frame) => owner(id)[0].truth(owner(id)[1], frame),
  };
}
