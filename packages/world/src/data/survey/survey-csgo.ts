// CS:GO's hdf5 files as a survey: `frame_{i}_x` [150 280 3] uint8 (blue, green, red) and `frame_{i}_y` [51].
import { FormatError } from "@vid2world/formats";
import { openHdf5 } from "@vid2world/formats/hdf5";
import { CSGO_ACTION_DIM, csgoChannels } from "../csgo/csgo-actions.js";
import { findCsgoFiles } from "../csgo/csgo-files.js";
import { openCsgo } from "../csgo/csgo-source.js";
import { surveyChannels } from "./survey-channels.js";
import type { BrokenEpisode, Survey, SurveyEpisode } from "./survey.js";

const [HEIGHT, WIDTH] = [150, 280];
/** Frames a second at which the gameplay was recorded. */
const FPS = 16;

/** Opens every file of the folder and of those below it. */
export async function surveyCsgo(folder: string): Promise<Survey> {
  const { files } = await findCsgoFiles(folder, "all");
  const source = await openCsgo({ directory: folder });
  const episodes: SurveyEpisode[] = [];
  const broken: BrokenEpisode[] = [];
  for (const { name, file } of files) {
    try {
      const actions_TA = await source.actions(name);
      const frames = actions_TA.length / CSGO_ACTION_DIM;
      const pictures = () => picturesOf(file, frames);
      episodes.push({
        ...{ name, file, split: undefined, frames, video: undefined, pictures, parts: [file] },
        // Made anew each time: as arrays the rows of all 5.5 million frames would take gigabytes.
        get actions() {
          return Array.from({ length: frames }, (_, t) => [
            ...actions_TA.subarray(t * CSGO_ACTION_DIM, (t + 1) * CSGO_ACTION_DIM),
          ]);
        },
      });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      broken.push({ error, parts: [file] });
    }
  }
  await source.close();
  const channels = surveyChannels(csgoChannels(), CSGO_ACTION_DIM);
  return { folder, kind: "CS:GO (hdf5)", fps: FPS, height: HEIGHT, width: WIDTH, channels, episodes, broken };
}

async function* picturesOf(file: string, frames: number): AsyncGenerator<Uint8Array, void> {
  using episode = await openHdf5(file);
  for (let t = 0; t < frames; t++) {
    const { shape, data } = episode.numbers(`frame_${t}_x`);
    if (!(data instanceof Uint8Array) || shape.join() !== `${HEIGHT},${WIDTH},3`) {
      throw new FormatError(
        file,
        `dataset "frame_${t}_x": expected [${HEIGHT} ${WIDTH} 3] uint8, found [${shape.join(" ")}]`,
      );
    }
    const rgb = data.slice();
    for (let i = 0; i < rgb.length; i += 3) [rgb[i], rgb[i + 2]] = [data[i + 2] ?? 0, data[i] ?? 0];
    yield rgb;
  }
}
