// Finished rollouts on disk in the layout that the published evaluation reads: everything is made in a hidden folder and renamed.
//   folders   NAME/{gt_video.mp4, pred_video.mp4, raw_data.npz, action.npy, rollout.json}
//   flat      NAME_{x_gt.mp4, x_pred.mp4, xgt_first.png, xgt_last.png, xpred_last.png, raw_data.npz, rollout.json}
import { mkdir, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, writeFileAtomically, writeImage, writeVideo } from "@vid2world/formats";
import { writeNpy } from "@vid2world/formats/npy/npy";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { type FrameBlock, frameBytes, rawFrames, videoFrames } from "./frame-block.js";
import type { ClipLayout } from "./protocol-table.js";

/** What a rollout was made with; files of other settings are made again. */
export type ClipSettings = Readonly<Record<string, unknown>>;

/** A finished rollout. */
export interface FinishedClip {
  /** Name of the folder, or what the files' names begin with. */
  readonly name: string;
  readonly prediction: FrameBlock;
  readonly truth: FrameBlock;
  /** From the first known frame on, row t taken at frame t. */
  readonly actions_TA: Float32Array;
  readonly actionDim: number;
  readonly fps: number;
  readonly settings: ClipSettings;
}

/** File that says what a rollout was made with. */
const record = "rollout.json";
/** The sign of our own record: what does not have it is never replaced. */
const format = "vid2world-rollout/1";

const folderFiles = ["gt_video.mp4", "pred_video.mp4", "raw_data.npz", "action.npy"] as const;
const flatFiles = [
  "x_gt.mp4",
  "x_pred.mp4",
  "xgt_first.png",
  "xgt_last.png",
  "xpred_last.png",
  "raw_data.npz",
] as const;

/** The hidden folder in which a rollout is made. What an interrupted run left there is either continued or made anew. */
export const workFolder = (out: string, name: string): string => join(out, `.${name}.partial`);

/** Path of one of a rollout's files: in its folder, or with its name before it. */
export function clipFile(out: string, name: string, layout: ClipLayout, file: string): string {
  return layout === "folders" ? join(out, name, file) : join(out, `${name}_${file}`);
}

/**
 * Whether a rollout is there, whole, and made with these settings. Throws if something of this name is there that this program did not
 * write: it would be lost.
 */
export async function isClipComplete(
  out: string,
  name: string,
  layout: ClipLayout,
  settings: ClipSettings,
): Promise<boolean> {
  const files = layout === "folders" ? folderFiles : flatFiles;
  const present = await Promise.all(files.map((file) => exists(clipFile(out, name, layout, file))));
  const path = clipFile(out, name, layout, record);
  const written = await readRecord(path);
  if (written === undefined && (present.some(Boolean) || (layout === "folders" && (await exists(join(out, name))))))
    throw new FormatError(
      clipFile(out, name, layout, files[1]),
      `its place is taken by files that have no ${record} and so were not made by this command; choose another folder for the output`,
    );
  return present.every(Boolean) && written === JSON.stringify(settings);
}

/** Writes a rollout; its name appears when all is written. Files that are in the work folder already (of a long rollout) stay. */
export async function writeClip(out: string, clip: FinishedClip, layout: ClipLayout): Promise<void> {
  const { name, prediction, truth, actions_TA, actionDim, fps, settings } = clip;
  const work = workFolder(out, name);
  await mkdir(work, { recursive: true });
  const { height, width } = prediction;
  const video = { height, width, fps, crf: videoQuality };
  const rows = actions_TA.length / Math.max(1, actionDim);
  const action = { dtype: "float32" as const, shape: [rows, actionDim], data: actions_TA };
  const raw = { pred: rawFrames(prediction), gt: rawFrames(truth), action };
  await writeNpz(join(work, "raw_data.npz"), new Map(Object.entries(raw)));
  if (layout === "folders") {
    await writeVideo(join(work, "gt_video.mp4"), videoFrames(truth), video);
    await writeVideo(join(work, "pred_video.mp4"), videoFrames(prediction), video);
    await writeNpy(join(work, "action.npy"), action);
  } else {
    await writeVideo(join(work, "x_gt.mp4"), videoFrames(truth), video);
    await writeVideo(join(work, "x_pred.mp4"), videoFrames(prediction), video);
    const picture = (block: FrameBlock, index: number) => ({
      height,
      width,
      data_HWC: frameBytes(block, index, "round"),
    });
    await writeImage(join(work, "xgt_first.png"), picture(truth, 0));
    await writeImage(join(work, "xgt_last.png"), picture(truth, truth.frames - 1));
    await writeImage(join(work, "xpred_last.png"), picture(prediction, prediction.frames - 1));
  }
  await writeFileAtomically(join(work, record), `${JSON.stringify({ format, settings }, undefined, 2)}\n`);
  await publish(out, name, layout, work);
}

/** Video quality: high enough that coding changes a score by less than the sampler's noise does. */
const videoQuality = 12;

async function publish(out: string, name: string, layout: ClipLayout, work: string): Promise<void> {
  if (layout === "folders") {
    // What stands there is ours (see isClipComplete) and of other settings.
    await rm(join(out, name), { recursive: true, force: true });
    await rename(work, join(out, name));
    return;
  }
  // One file cannot carry the others with it: the old record goes first and the new one comes last.
  await rm(clipFile(out, name, layout, record), { force: true });
  const files = (await readdir(work)).filter((file) => file !== record);
  for (const file of [...files, record]) await rename(join(work, file), clipFile(out, name, layout, file));
  await rm(work, { recursive: true });
}

/** The settings in a record, as text; undefined where there is no record of ours. */
async function readRecord(path: string): Promise<string | undefined> {
  try {
    const { format: found, settings } = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    return found === format ? JSON.stringify(settings) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
