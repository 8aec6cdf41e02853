// Starts in recordings: some from each held-out episode, spread over its length, with the true frames that follow.

import { basename } from "node:path";
import { invalid } from "@vid2world/formats";
import type { Channel } from "../../../data/action-space.js";
import { frameBytes, readFramesInto } from "../../../data/frames.js";
import { readClipFile } from "../../../data/recording-format.js";
import type { Episode, Recording } from "../../../data/recording.js";
import type { Gallery, GalleryStart } from "./gallery.js";

/** What starts are made for. */
export interface RecordingGalleryOptions {
  readonly width: number;
  readonly height: number;
  readonly contextFrames: number;
  readonly channels?: readonly Channel[] | undefined;
  /** Starts to offer. Default 12. */
  readonly starts?: number;
  /** Most true frames offered after the context. Default 120. */
  readonly truthFrames?: number;
}

interface Place {
  readonly episode: Episode;
  readonly first: number;
  readonly truthFrames: number;
}

/** True frames are decoded this many at a time, and this many such pieces are kept. */
const PIECE = 24;
const PIECES_KEPT = 16;

/** Offers starts of a recording in the world's own frame size. */
export function recordingGallery(recording: Recording, options: RecordingGalleryOptions): Gallery {
  const { width, height, contextFrames } = options;
  const { header } = recording;
  // Only what this world can do is of use to it.
  const channels = options.channels && sameChannels(options.channels, header.channels) ? header.channels : undefined;
  if (header.width !== width || header.height !== height)
    throw invalid("recordings", `pictures of ${width}x${height}, as the world draws`, `${header.width}x${header.height}`); // prettier-ignore
  const places = choosePlaces(recording, options);
  const frameSize = width * height * 3;
  const pieces = new Map<string, Promise<Uint8Array>>();
  /** The starts are few and short: each is decoded once. */
  const opened = new Map<string, Promise<GalleryStart>>();

  const place = (id: string): Place => {
    const found = places.get(id);
    if (!found) throw invalid("start", `one of ${places.size} starts`, id);
    return found;
  };
  const read = async ({ episode }: Place, start: number, end: number): Promise<Uint8Array> => {
    const frames = new Uint8Array(frameBytes(episode, end - start));
    await readFramesInto(episode, { start, end }, frames, { threads: 1 });
    return frames;
  };
  const piece = (id: string, number: number): Promise<Uint8Array> => {
    const name = `${id} ${number}`;
    const { episode, first } = place(id);
    const start = first + number * PIECE;
    const known = pieces.get(name) ?? read(place(id), start, Math.min(episode.frames, start + PIECE));
    pieces.delete(name);
    pieces.set(name, known);
    known.catch(() => pieces.delete(name));
    for (const oldest of [...pieces.keys()].slice(0, -PIECES_KEPT)) pieces.delete(oldest);
    return known;
  };

  const begin = async (at: Place): Promise<GalleryStart> => {
    const { episode, first } = at;
    const frames = await read(at, first, first + contextFrames);
    if (!channels || contextFrames === 1) return { frames };
    const { actions } = await readClipFile(episode.actionsFile, channels);
    return { frames, actions: actions.slice(first, first + contextFrames - 1) };
  };

  return {
    entries: [...places].map(([id, { episode, first, truthFrames }]) => {
      return { id, title: titleOf(episode, first), truthFrames };
    }),
    start(id) {
      const known = opened.get(id) ?? begin(place(id));
      opened.set(id, known);
      known.catch(() => opened.delete(id));
      return known;
    },
    async truth(id, frame) {
      const number = Math.floor(frame / PIECE);
      const from = (frame - number * PIECE) * frameSize;
      return (await piece(id, number)).slice(from, from + frameSize);
    },
  };
}

const sameChannels = (a: readonly Channel[], b: readonly Channel[]): boolean =>
  JSON.stringify(a.map(({ name, kind }) => [name, kind])) === JSON.stringify(b.map(({ name, kind }) => [name, kind]));

/** Held-out episodes where there are any; round after round one start of each, so that few starts show many episodes. */
function choosePlaces(recording: Recording, options: RecordingGalleryOptions): Map<string, Place> {
  const { contextFrames, starts = 12, truthFrames = 120 } = options;
  const fitting = recording.episodes.filter(({ frames }) => frames >= contextFrames);
  const heldOut = fitting.filter(({ split }) => split !== "train");
  const episodes = heldOut.length > 0 ? heldOut : fitting;
  const rounds = Math.ceil(starts / Math.max(1, episodes.length));
  const places = Array.from({ length: rounds }, (_, round) =>
    episodes.map((episode): Place => {
      const room = episode.frames - contextFrames;
      const first = Math.floor((room * (round + 0.5)) / rounds);
      return { episode, first, truthFrames: Math.min(truthFrames, room - first) };
    }),
  ).flat();
  return new Map(places.slice(0, starts).map((place) => [`${place.episode.name}-${place.first}`, place]));
}

/** `bot_e1m2_04 at 0:12` */
function titleOf({ name, fps }: Episode, first: number): string {
  const seconds = Math.floor(first / fps);
  return `${basename(name)} at ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
