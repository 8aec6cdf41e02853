// Finds pairs of a true and a predicted clip in a folder, in both layouts that rollouts are written in.
//   folders   NAME/{gt_video.mp4, pred_video.mp4, raw_data.npz}
//   flat      NAME_{x_gt.mp4, x_pred.mp4, raw_data.npz}
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "@vid2world/formats";

/** The files of one clip. */
export interface ClipPair {
  readonly name: string;
  readonly truth: string;
  readonly prediction: string;
  /** Both without loss, float32 [3 T H W] under `gt` and `pred`; absent where only videos were kept. */
  readonly raw?: string;
}

/** Every pair in `folder`, sorted by name. @throws FormatError for a clip without its partner, or a folder without any. */
export async function findClipPairs(folder: string): Promise<ClipPair[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new FormatError(folder, "cannot be listed; give the folder that holds the rollouts", undefined, { cause });
  });
  const names = new Set(entries.map(({ name }) => name));
  const flat = [...names].flatMap((name) => /^(.+)_x_(?:gt|pred)\.mp4$/.exec(name)?.[1] ?? []);
  const pairs: ClipPair[] = [];
  for (const name of new Set(flat)) pairs.push(await flatPair(folder, name));
  for (const entry of entries) {
    if (entry.name.startsWith(".") || !(await isFolder(folder, entry.name))) continue;
    const inside = new Set(await readdir(path.join(folder, entry.name)));
    if (inside.has("gt_video.mp4") || inside.has("pred_video.mp4")) pairs.push(await folderPair(folder, entry.name));
  }
  if (pairs.length === 0)
    throw new FormatError(
      folder,
      "holds no clips: neither NAME/gt_video.mp4 with pred_video.mp4 nor NAME_x_gt.mp4 with NAME_x_pred.mp4; give the --out of a rollout",
    );
  return pairs.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const folderPair = (folder: string, name: string): Promise<ClipPair> =>
  pairOf(name, (file) => path.join(folder, name, file), "gt_video.mp4", "pred_video.mp4");

const flatPair = (folder: string, name: string): Promise<ClipPair> =>
  pairOf(name, (file) => path.join(folder, `${name}_${file}`), "x_gt.mp4", "x_pred.mp4");

async function pairOf(
  name: string,
  place: (file: string) => string,
  truth: string,
  prediction: string,
): Promise<ClipPair> {
  const pair = { name, truth: place(truth), prediction: place(prediction) };
  for (const [file, partner] of [
    [pair.truth, pair.prediction],
    [pair.prediction, pair.truth],
  ] as const)
    if (!(await exists(file)))
      throw new FormatError(
        file,
        `is missing, though its partner ${partner} is there; make clip ${name} again or remove it`,
      );
  const raw = place("raw_data.npz");
  return (await exists(raw)) ? { ...pair, raw } : pair;
}

const isFolder = (folder: string, name: string): Promise<boolean> =>
  stat(path.join(folder, name)).then((found) => found.isDirectory());

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
