// Writes robot episodes as one recording: the pictures as they came, still compressed, and the actions as JSON beside them.
// The header is written last, from the ranges that the actions turned out to have; until then the folder is no recording.
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeImage, FormatError, invalid, readImage } from "@vid2world/formats";
import type { Channel } from "../action-space.js";
import { channelName, rangesOfRows, widenRanges, type Range } from "../import/channels.js";
import { removeStale } from "../stale-files.js";
import { readClipFile } from "../recording-format.js";
import { writeClipFile, writeHeader } from "../recording-writer.js";
import type { EpisodeSink } from "./convert-rlds.js";
import type { RldsFolder } from "./dataset-folder.js";
import type { EpisodeFields, RldsEpisode } from "./episode.js";

/** Where a recording goes, and what is in it. */
export interface RecordingSinkOptions {
  readonly output: string;
  readonly dataset: string;
  readonly source: RldsFolder;
  readonly fields: EpisodeFields;
  readonly fps: number | undefined;
  readonly heldOut: ReadonlySet<string>;
}

const PICTURES_AT_ONCE = 16;
const ACTIONS = ".actions.json";

/** Opens the folder `<output>/<dataset>` of a recording. */
export async function recordingSink(options: RecordingSinkOptions): Promise<EpisodeSink> {
  const { dataset, fps, source, fields, heldOut } = options;
  if (fps === undefined) throw invalid("fps", `steps a second of ${dataset}, which its files do not say`, undefined);
  const folder = join(options.output, dataset);
  await mkdir(folder, { recursive: true });
  const there = new Set((await removeStale(folder)).filter((name) => name.endsWith(ACTIONS)));
  const open = channelsOf(fields, () => [-Infinity, Infinity]);
  let size: { height: number; width: number } | undefined;

  const write = async (name: string, split: string, episode: RldsEpisode): Promise<void> => {
    const first = await episode.image(0);
    size ??= (await sizeOf(folder, there)) ?? first;
    const temporary = join(folder, `.${name}.${process.pid}.tmp`);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    try {
      await writePictures(temporary, episode, size, name);
      await rm(join(folder, name), { recursive: true, force: true }); // of a run that was killed before it wrote the actions
      await rename(temporary, join(folder, name));
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    const { steps, actionWidth, actions_TA, instruction } = episode;
    const actions = Array.from({ length: steps }, (_, t) => [
      ...actions_TA.subarray(t * actionWidth, (t + 1) * actionWidth),
    ]);
    const out = heldOut.has(name) || heldOut.has(`${name}.npz`) || split !== "train";
    const info = instruction === undefined ? {} : { info: { instruction } };
    await writeClipFile(folder, name, { split: out ? "val" : "train", frames: steps, ...info, actions }, open);
    there.add(`${name}${ACTIONS}`);
  };

  return {
    folder,
    has: (name) => there.has(`${name}${ACTIONS}`),
    write,
    finish: async () => {
      if (there.size === 0) return; // a header alone would be a recording without clips
      const ranges = await rangesOf(folder, [...there].sort(), open);
      const found = size ?? (await sizeOf(folder, there));
      if (found === undefined) return;
      await writeHeader(folder, {
        name: dataset,
        description: `${source.name} ${source.version}: robot episodes from ${fields.image.path}`,
        fps,
        width: found.width,
        height: found.height,
        channels: channelsOf(fields, (i) => ranges[i] ?? [-1, 1]),
        licence: "see the dataset's own page",
        source: `TFDS dataset ${source.name} ${source.version}`,
      });
    },
  };
}

function channelsOf(fields: EpisodeFields, range: (i: number) => Range): Channel[] {
  const names = fields.action.flatMap(({ path, shape }) => {
    const width = shape.reduce((product, size) => product * size, 1);
    const name = channelName(path.split("/").at(-1) ?? path);
    return width === 1 ? [name] : Array.from({ length: width }, (_, i) => `${name}_${i}`);
  });
  return names.map((name, i) => ({ name, kind: "continuous", range: range(i), rest: 0, keys: {} }));
}

async function writePictures(
  folder: string,
  episode: RldsEpisode,
  size: { height: number; width: number },
  name: string,
): Promise<void> {
  for (let from = 0; from < episode.steps; from += PICTURES_AT_ONCE) {
    const count = Math.min(PICTURES_AT_ONCE, episode.steps - from);
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const step = from + i;
        const image = await episode.image(step); // decoded also to be kept as it is: damage is found here, not in training
        if (image.height !== size.height || image.width !== size.width) {
          const others = `the recording's are ${size.width}x${size.height}`;
          throw new FormatError(name, `the picture of step ${step} is ${image.width}x${image.height}, ${others}`);
        }
        const bytes = episode.encoded?.[step] ?? (await encodeImage(image, "png"));
        await writeFile(join(folder, `${step}.${bytes[0] === 0xff ? "jpg" : "png"}`), bytes);
      }),
    );
  }
}

/** Size of the pictures that an earlier run left. */
async function sizeOf(
  folder: string,
  there: ReadonlySet<string>,
): Promise<{ height: number; width: number } | undefined> {
  const clip = [...there][0]?.slice(0, -ACTIONS.length);
  if (clip === undefined || !existsSync(join(folder, clip))) return undefined;
  const picture = (await readdir(join(folder, clip)))[0];
  if (picture === undefined) return undefined;
  return readImage(join(folder, clip, picture));
}

async function rangesOf(folder: string, files: readonly string[], channels: readonly Channel[]): Promise<Range[]> {
  let ranges: Range[] = [];
  for (const file of files) {
    const { actions } = await readClipFile(join(folder, file), channels);
    ranges = rangesOfRows([...actions, ...transposed(ranges)], channels.length);
  }
  return widenRanges(ranges);
}

/** Ranges as two rows, so that they join the rows of the next clip. */
function transposed(ranges: readonly Range[]): number[][] {
  return ranges.length === 0 ? [] : [ranges.map(([low]) => low), ranges.map(([, high]) => high)];
}
