// Still images as starts: a folder of pictures, each letterboxed as published and repeated, with actions of rest.
//   T frames, A action numbers
import { readdir } from "node:fs/promises";
import { join, parse } from "node:path";
import { FormatError, invalid, readImage } from "@vid2world/formats";
import { scope } from "@vid2world/torch";
import { CSGO_ACTION_DIM, csgoStillAction } from "../csgo/csgo-actions.js";
import { CSGO_INSIDE } from "../csgo/csgo-source.js";
import { PUBLISHED_FPS, type DomainClip, type DomainSource } from "../domain-clip.js";
import { letterbox, PUBLISHED_SIZE } from "../letterbox.js";
import type { ResizeOptions } from "../resize.js";

/** Which pictures, and what is done while they stand still. */
export interface StillsOptions extends ResizeOptions {
  /** Folder of .png, .jpg or .webp files. */
  readonly directory: string;
  /** The action of every frame; default: no key, no click, the mouse still (CS:GO's 51 numbers). */
  readonly action?: Float32Array;
}

/** Opens a folder of pictures, in the order of their names (2.png before 10.png). Each is stretched to 275x512 between black bars. */
export async function openStills({ directory, action, antialias = false }: StillsOptions): Promise<DomainSource> {
  const names = (await readdir(directory)).filter((file) => /\.(png|jpe?g|webp)$/i.test(file) && !file.startsWith("."));
  if (names.length === 0) throw new FormatError(directory, "holds no picture (.png, .jpg, .webp)");
  names.sort(new Intl.Collator("en", { numeric: true }).compare);
  const files = new Map(names.map((file) => [parse(file).name, join(directory, file)]));
  if (files.size < names.length) throw new FormatError(directory, "holds pictures that differ only in their ending");
  const still = action ?? csgoStillAction();
  return {
    domain: "stills",
    actionDim: action?.length ?? CSGO_ACTION_DIM,
    size: PUBLISHED_SIZE,
    list: () => [...files.keys()].map((name) => ({ name, start: 0, available: Infinity })),
    read: async ({ name, start }, frames): Promise<DomainClip> => {
      const file = files.get(name);
      if (file === undefined) throw invalid("start.name", `a picture of ${directory}`, name);
      if (!Number.isInteger(frames) || frames < 1) throw invalid("frames", "a whole number >= 1", frames);
      const { data_HWC, height, width } = await readImage(file);
      const stored = { frames_THWC: data_HWC, frames: 1, height, width };
      const actions_TA = new Float32Array(frames * still.length);
      for (let t = 0; t < frames; t++) actions_TA.set(still, t * still.length);
      const frames_TCHW = scope(() =>
        letterbox(stored, { inside: CSGO_INSIDE, antialias }).expand([frames, -1, -1, -1]).contiguous(),
      );
      return { name, start, frames_TCHW, actions_TA, actionDim: still.length, fps: PUBLISHED_FPS };
    },
    close: () => Promise.resolve(),
  };
}
