// Writes robot episodes as the published converter does: `image` [T H W 3] uint8 and `action` [T A] float32 in one .npz each.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { removeStale } from "../stale-files.js";
import { memoryBudget } from "../memory-budget.js";
import type { PictureSize } from "../transforms.js";
import type { EpisodeSink } from "./convert-rlds.js";
import type { RldsEpisode } from "./episode.js";

/** Decoders run on a few threads; more pictures at once than this only take memory. */
const PICTURES_AT_ONCE = 16;

/** Decoded pictures of the episodes that are in work together; a longer one is in work alone. */
const DECODED_BYTES = 160e6;

/** Opens the folder `<output>/<dataset>` of .npz files. */
export async function npzSink(output: string, dataset: string): Promise<EpisodeSink> {
  const folder = join(output, dataset);
  await mkdir(folder, { recursive: true });
  const there = new Set(await removeStale(folder));
  const memory = memoryBudget(DECODED_BYTES);
  return {
    folder,
    has: (name) => there.has(`${name}.npz`),
    write: async (name, _split, episode) => {
      const { steps, actionWidth, actions_TA } = episode;
      const { height, width } = await episode.image(0);
      using _ = await memory.take(steps * height * width * 3);
      const frames_THWC = await decodeAll(episode, name, { height, width });
      await writeNpz(
        join(folder, `${name}.npz`),
        new Map([
          ["image", { dtype: "uint8", shape: [steps, height, width, 3], data: frames_THWC }],
          ["action", { dtype: "float32", shape: [steps, actionWidth], data: actions_TA }],
        ]),
        { compress: true },
      );
    },
    finish: () => Promise.resolve(),
  };
}

/** All pictures of an episode in one array; they must be of the first one's size. */
async function decodeAll(episode: RldsEpisode, name: string, { height, width }: PictureSize): Promise<Uint8Array> {
  const bytes = height * width * 3;
  const frames_THWC = new Uint8Array(episode.steps * bytes);
  for (let from = 0; from < episode.steps; from += PICTURES_AT_ONCE) {
    const count = Math.min(PICTURES_AT_ONCE, episode.steps - from);
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const image = await episode.image(from + i);
        if (image.height !== height || image.width !== width) {
          const size = `${image.width}x${image.height}, the first one ${width}x${height}`;
          throw new FormatError(name, `the picture of step ${from + i} is ${size}`);
        }
        frames_THWC.set(image.data_HWC, (from + i) * bytes);
      }),
    );
  }
  return frames_THWC;
}
