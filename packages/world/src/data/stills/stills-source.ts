// Still images as starts: a folder of pictures, each letterboxed as published and repeated, with actions of rest.
//   T frames, A action numbers
import { readdir } from "node:fs/promises";
import { join, parse } from "node:path";
import { FormatError, invalid, readImage } from "@vid2world/formats";
import { scope } from "@vid2world/torch";
import { encodeActions, restRow, type Channel } from "../action-space.js";
import { csgoChannels } from "../csgo/csgo-actions.js";
import { csgoInside } from "../csgo/csgo-clips.js";
import { PUBLISHED_FPS, type DomainClip, type EpisodeSource, type EpisodeSourceOptions } from "../domain-clip.js";
import { letterbox, PUBLISHED_SIZE } from "../letterbox.js";
import { RESIZE_POSITIONS, type ResizeOptions } from "../resize.js";

/** Which pictures, and what is done while they stand still. */
export interface StillsOptions extends ResizeOptions, Pick<EpisodeSourceOptions, "size"> {
  /** Folder of .png, .jpg or .webp files. */
  readonly directory: string;
  /** The action space, at rest in every frame; default: CS:GO's, so no key, no click, the mouse still. */
  readonly channels?: readonly Channel[];
  /** Frames of an episode: how often `episodes` says that a picture is repeated. Default 16. */
  readonly frames?: number;
}

/** Opens a folder of pictures, in the order of their names (2.png before 10.png). Each is stretched to 275x512 between black bars. */
export async function openStills(options: StillsOptions): Promise<EpisodeSource> {
  const { directory, channels = csgoChannels(), antialias = false, size = PUBLISHED_SIZE } = options;
  const names = (await readdir(directory)).filter((file) => /\.(png|jpe?g|webp)$/i.test(file) && !file.startsWith("."));
  if (names.length === 0) throw new FormatError(directory, "holds no picture (.png, .jpg, .webp)");
  names.sort(new Intl.Collator("en", { numeric: true }).compare);
  const files = new Map(names.map((file) => [parse(file).name, join(directory, file)]));
  if (files.size < names.length) throw new FormatError(directory, "holds pictures that differ only in their ending");
  const still = encodeActions(channels, [restRow(channels)]);
  const repeated = (frames: number): Float32Array =>
    Float32Array.from({ length: frames * still.length }, (_, i) => still[i % still.length] ?? 0);
  return {
    domain: "stills",
    actionDim: still.length,
    size,
    channels,
    missing: [],
    list: () => [...files.keys()].map((name) => ({ name, start: 0, available: Infinity })),
    read: async ({ name, start }, frames): Promise<DomainClip> => {
      const file = files.get(name);
      if (file === undefined) throw invalid("start.name", `a picture of ${directory}`, name);
      if (!Number.isInteger(frames) || frames < 1) throw invalid("frames", "a whole number >= 1", frames);
      const { data_HWC, height, width } = await readImage(file);
      const stored = { frames_THWC: data_HWC, frames: 1, height, width };
      const frames_TCHW = scope(() =>
        letterbox(stored, { inside: csgoInside(size), whole: size, antialias })
          .expand([frames, -1, -1, -1])
          .contiguous(),
      );
      const actions_TA = repeated(frames);
      return { name, start, frames_TCHW, actions_TA, actionDim: still.length, fps: PUBLISHED_FPS };
    },
    episodes() {
      if (antialias) throw invalid("antialias", "false for clips as bytes", antialias);
      const { frames = 16 } = options;
      const of = (path: string) => {
        return { media: "still", path, frames, action: [...still], ...size, positions: RESIZE_POSITIONS } as const;
      };
      return Promise.resolve([...files].map(([name, path]) => ({ name, frames, files: of(path) })));
    },
    actions: () => Promise.resolve(repeated(options.frames ?? 16)),
    close: () => Promise.resolve(),
  };
}
