// Starts in recorded episodes, own ones or a data set's: some from each, spread over its length, with the true frames that follow.
//   T frames, H rows, W columns, 3 colours, uint8

import { basename } from "node:path";
import { invalid } from "@vid2world/formats";
import type { Channel } from "../../../data/action-space.js";
import type { Gallery, GalleryStart } from "./gallery.js";

/** One recorded episode. */
export interface StartEpisode {
  readonly name: string;
  readonly frames: number;
  /** Frames per second, for titles. */
  readonly fps: number;
  /** Frames `start` to `end` - 1, T*H*W*3 bytes. */
  read(start: number, end: number): Promise<Uint8Array>;
  /** Rows of what was done in them, one value per channel: row t leads from frame t to the next. */
  actions(start: number, end: number): Promise<readonly (readonly number[])[]>;
}

/** Episodes with what they have in common. */
export interface StartEpisodes {
  readonly width: number;
  readonly height: number;
  readonly channels: readonly Channel[];
  readonly episodes: readonly StartEpisode[];
}

/** What starts are made for. */
export interface EpisodeGalleryOptions {
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
  readonly episode: StartEpisode;
  readonly first: number;
  readonly truthFrames: number;
}

/** True frames are decoded this many at a time, and this many such pieces are kept. */
const PIECE = 24;
const PIECES_KEPT = 16;

/** Offers starts of episodes in the world's own frame size. */
export function episodeGallery(source: StartEpisodes, options: EpisodeGalleryOptions): Gallery {
  const { width, height, contextFrames } = options;
  // Only what this world can do is of use to it.
  const known = options.channels && sameChannels(options.channels, source.channels);
  if (source.width !== width || source.height !== height)
    throw invalid("recordings", `pictures of ${width}x${height}, as the world draws`, `${source.width}x${source.height}`); // prettier-ignore
  const places = choosePlaces(source.episodes, options);
  if (places.size === 0)
    throw invalid("start", `an episode of ${contextFrames} frames or more, as the world begins with so many`, `${source.episodes.length} shorter ones`); // prettier-ignore
  const frameSize = width * height * 3;
  const pieces = new Map<string, Promise<Uint8Array>>();
  /** The starts are few and short: each is decoded once. */
  const opened = new Map<string, Promise<GalleryStart>>();

  const place = (id: string): Place => {
    const found = places.get(id);
    if (!found) throw invalid("start", `one of ${places.size} starts`, id);
    return found;
  };
  const piece = (id: string, number: number): Promise<Uint8Array> => {
    const name = `${id} ${number}`;
    const { episode, first } = place(id);
    const start = first + number * PIECE;
    const known = pieces.get(name) ?? episode.read(start, Math.min(episode.frames, start + PIECE));
    pieces.delete(name);
    pieces.set(name, known);
    known.catch(() => pieces.delete(name));
    for (const oldest of [...pieces.keys()].slice(0, -PIECES_KEPT)) pieces.delete(oldest);
    return known;
  };

  const begin = async ({ episode, first }: Place): Promise<GalleryStart> => {
    const frames = await episode.read(first, first + contextFrames);
    if (!known || contextFrames === 1) return { frames };
    return { frames, actions: (await episode.actions(first, first + contextFrames)).slice(0, contextFrames - 1) };
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

/** Round after round one start of each episode, so that few starts show many of them. */
function choosePlaces(all: readonly StartEpisode[], options: EpisodeGalleryOptions): Map<string, Place> {
  const { contextFrames, starts = 12, truthFrames = 120 } = options;
  const episodes = all.filter(({ frames }) => frames >= contextFrames);
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
function titleOf({ name, fps }: StartEpisode, first: number): string {
  const seconds = Math.floor(first / fps);
  return `${basename(name)} at ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
