// A recording as a survey: every clip is opened on its own, so that one broken clip does not hide the others.
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { decodeVideo, FormatError, readImage } from "@vid2world/formats";
import { imageNames } from "../frames.js";
import { HEADER_FILE, readClipFile, readHeader, type RecordingHeader } from "../recording-format.js";
import type { BrokenEpisode, Survey, SurveyEpisode } from "./survey.js";

const ACTIONS = ".actions.json";

/** Opens a recording. */
export async function surveyRecording(folder: string): Promise<Survey> {
  const header = await readHeader(join(folder, HEADER_FILE));
  const entries = await readdir(folder);
  const episodes: SurveyEpisode[] = [];
  const broken: BrokenEpisode[] = [];
  for (const entry of entries.filter((name) => name.endsWith(ACTIONS)).sort()) {
    const name = entry.slice(0, -ACTIONS.length);
    const pictures = [`${name}.mp4`, name].find((each) => entries.includes(each));
    const parts = [entry, ...(pictures === undefined ? [] : [pictures])].map((each) => join(folder, each));
    try {
      episodes.push(await openClip(folder, header, name, pictures, parts));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      broken.push({ error, parts });
    }
  }
  for (const video of entries.filter((name) => name.endsWith(".mp4"))) {
    if (existsSync(join(folder, video.replace(/\.mp4$/, ACTIONS)))) continue;
    broken.push({ error: new FormatError(join(folder, video), `has no actions beside it, so it is not trained on`), parts: [join(folder, video)] }); // prettier-ignore
  }
  const { fps, height, width } = header;
  const channels = header.channels.map((channel) => ({
    name: channel.name,
    kind: channel.kind,
    range: channel.kind === "continuous" ? channel.range : undefined,
  }));
  return {
    folder,
    kind: `a recording (${header.format}) "${header.name}"`,
    fps,
    height,
    width,
    channels,
    episodes,
    broken,
  };
}

async function openClip(
  folder: string,
  header: RecordingHeader,
  name: string,
  pictures: string | undefined,
  parts: readonly string[],
): Promise<SurveyEpisode> {
  const file = join(folder, `${name}${ACTIONS}`);
  const { split, frames, actions } = await readClipFile(file, header.channels);
  if (pictures === undefined)
    throw new FormatError(file, `has no pictures beside it (${name}.mp4 or a folder ${name})`);
  const path = join(folder, pictures);
  const { height, width } = header;
  const video = pictures.endsWith(".mp4") ? path : undefined;
  const expect = { height, width, frames, by: `${name}${ACTIONS}` };
  return {
    name,
    file,
    split,
    frames,
    actions,
    video,
    parts,
    pictures: () => (video === undefined ? imagesOf(path, expect) : decodeVideo(video, { expect })),
  };
}

async function* imagesOf(
  folder: string,
  expect: { height: number; width: number; frames: number; by: string },
): AsyncGenerator<Uint8Array, void> {
  const names = await imageNames(folder);
  if (names.length !== expect.frames) {
    throw new FormatError(folder, `holds ${names.length} images, but ${expect.by} announces ${expect.frames} frames`);
  }
  for (const name of names) {
    const { data_HWC, height, width } = await readImage(join(folder, name));
    if (height !== expect.height || width !== expect.width) {
      throw new FormatError(
        join(folder, name),
        `is ${width}x${height}, but ${expect.by} announces ${expect.width}x${expect.height}`,
      );
    }
    yield data_HWC;
  }
}
