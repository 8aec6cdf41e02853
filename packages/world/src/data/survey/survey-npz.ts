// Published robot episodes (`image` [T H W 3] uint8 and `action` [T A] in one .npz each) as a survey.
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { readNpz, readNpzHeaders } from "@vid2world/formats/npy/npz";
import { knownDataset, RT1_ACTION } from "../rlds/known-datasets.js";
import type { BrokenEpisode, Survey, SurveyChannel, SurveyEpisode } from "./survey.js";

/** Opens a folder of .npz episodes: the actions are read, of the pictures only the size. */
export async function surveyEpisodeArrays(folder: string, names: readonly string[]): Promise<Survey> {
  const episodes: SurveyEpisode[] = [];
  const broken: BrokenEpisode[] = [];
  let size: { height: number; width: number; actionWidth: number } | undefined;
  for (const name of names.filter((each) => each.endsWith(".npz")).sort()) {
    const file = join(folder, name);
    try {
      const { episode, ...found } = await openEpisode(file, name.slice(0, -".npz".length));
      size ??= found;
      if (found.height !== size.height || found.width !== size.width || found.actionWidth !== size.actionWidth) {
        const [its, others] = [found, size].map(
          (each) => `${each.width}x${each.height} with ${each.actionWidth} action numbers`,
        );
        throw new FormatError(file, `${its}; the first episode is ${others}`);
      }
      episodes.push(episode);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      broken.push({ error, parts: [file] });
    }
  }
  const { height, width, actionWidth } = size ?? { height: 0, width: 0, actionWidth: 0 };
  const channels = channelsOf(actionWidth);
  const fps = actionWidth === RT1_NAMES.length ? knownDataset("fractal20220817_data").fps : undefined;
  return { folder, kind: "published robot episodes (.npz)", fps, height, width, channels, episodes, broken };
}

async function openEpisode(
  file: string,
  name: string,
): Promise<{ episode: SurveyEpisode; height: number; width: number; actionWidth: number }> {
  const headers = await readNpzHeaders(file);
  const [image, action] = [headers.get("image"), headers.get("action")];
  const [frames = 0, height = 0, width = 0, colours] = image?.shape ?? [];
  if (image?.dtype !== "uint8" || image.shape.length !== 4 || colours !== 3 || frames === 0) {
    throw new FormatError(
      file,
      `needs an array image [T, H, W, 3] uint8; it holds ${[...headers.keys()].join(", ") || "nothing"}`,
    );
  }
  const [rows, actionWidth = 0] = action?.shape ?? [];
  if (action?.shape.length !== 2) throw new FormatError(file, "needs an array action [T, A]");
  if (rows !== frames) throw new FormatError(file, `${rows} rows of action for ${frames} frames`);
  const data = (await readNpz(file, { names: ["action"] })).get("action")?.data ?? [];
  const actions = Array.from({ length: frames }, (_, t) =>
    Array.from({ length: actionWidth }, (_, i) => Number(data[t * actionWidth + i])),
  );
  const pictures = async function* (): AsyncGenerator<Uint8Array, void> {
    const pixels = (await readNpz(file, { names: ["image"] })).get("image")?.data as Uint8Array;
    const bytes = height * width * 3;
    for (let t = 0; t < frames; t++) yield pixels.subarray(t * bytes, (t + 1) * bytes);
  };
  const episode = { name, file, split: undefined, frames, actions, video: undefined, pictures, parts: [file] };
  return { episode, height, width, actionWidth };
}

/** RT-1's widths of fields are 2, 1, 1, 3, 3, 3. */
const RT1_NAMES = RT1_ACTION.flatMap((path, i) => {
  const [name = path, width = 1] = [path.split("/").at(-1), [2, 1, 1, 3, 3, 3][i]];
  return width === 1 ? [name] : Array.from({ length: width }, (_, k) => `${name}_${k}`);
});

function channelsOf(width: number): SurveyChannel[] {
  const names = width === RT1_NAMES.length ? RT1_NAMES : Array.from({ length: width }, (_, i) => `action_${i}`);
  return names.map((name) => ({ name, kind: "continuous", range: undefined }));
}
