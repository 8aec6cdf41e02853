// RECON as converted (a folder per trajectory with `0.jpg`, ... and `traj_data.pkl`) as a survey.
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, readImage } from "@vid2world/formats";
import { imageNames } from "../frames.js";
import { usePicture } from "../picture-file.js";
import { reconChannels } from "../recon/recon-channels.js";
import { RECON_ACTION_DIM, reconActions } from "../recon/recon-poses.js";
import { readTrajectory, TRAJECTORY_FILE } from "../recon/trajectory-file.js";
import { surveyChannels } from "./survey-channels.js";
import type { BrokenEpisode, Survey, SurveyEpisode } from "./survey.js";

/** Frames a second of the release. */
const FPS = 4;

/** Opens every trajectory; pictures have the size of the first one. */
export async function surveyRecon(folder: string): Promise<Survey> {
  const names = (await readdir(folder)).filter((name) => existsSync(join(folder, name, TRAJECTORY_FILE))).sort();
  const episodes: SurveyEpisode[] = [];
  const broken: BrokenEpisode[] = [];
  let size = { height: 0, width: 0 };
  for (const name of names) {
    const path = join(folder, name);
    try {
      const poses = await readTrajectory(path);
      const frames = poses.yaw.length;
      const images = (await imageNames(path)).length;
      if (images !== frames)
        throw new FormatError(path, `holds ${images} images, but ${TRAJECTORY_FILE} ${frames} poses`);
      if (size.width === 0) size = await readImage(join(path, "0.jpg"));
      const rows = reconActions(poses, [...poses.yaw.keys()]);
      const actions = Array.from({ length: frames }, (_, t) => [
        ...rows.subarray(t * RECON_ACTION_DIM, (t + 1) * RECON_ACTION_DIM),
      ]);
      const { height, width } = size;
      const pictures = () => picturesOf(path, frames, { height, width });
      const file = join(path, TRAJECTORY_FILE);
      episodes.push({ name, file, split: undefined, frames, actions, video: undefined, pictures, parts: [path] });
    } catch (error) {
      const known = error instanceof FormatError || (error as NodeJS.ErrnoException).code === "ENOENT";
      if (!known) throw error;
      broken.push({
        error: error instanceof FormatError ? error : new FormatError(path, "has no 0.jpg"),
        parts: [path],
      });
    }
  }
  const channels = surveyChannels(reconChannels(), RECON_ACTION_DIM);
  return { folder, kind: "RECON as converted", fps: FPS, ...size, channels, episodes, broken };
}

async function* picturesOf(
  folder: string,
  frames: number,
  expected: { height: number; width: number },
): AsyncGenerator<Uint8Array, void> {
  for (let t = 0; t < frames; t++) {
    const file = join(folder, `${t}.jpg`);
    if (!existsSync(file)) throw new FormatError(file, `missing, though ${TRAJECTORY_FILE} has a pose for it`);
    let picture: Uint8Array = new Uint8Array();
    await usePicture(file, ({ data_HWC, height, width }) => {
      if (height !== expected.height || width !== expected.width) {
        throw new FormatError(file, `is ${width}x${height}, others are ${expected.width}x${expected.height}`);
      }
      picture = data_HWC.slice(); // the caller compares it with the next one
    });
    yield picture;
  }
}
