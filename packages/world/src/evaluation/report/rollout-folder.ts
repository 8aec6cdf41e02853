// One finished rollout as files: exact frames and actions for later scoring, two videos for people.
// Axes: T frames, H height, W width, C colours (RGB bytes), A action channels.

import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, openSafetensors, writeSafetensors, writeVideo } from "@vid2world/formats";
import type { PictureSize } from "../../data/transforms.js";
import type { Start } from "../starts.js";

/** Names of the files of a rollout; the videos have the names of the published evaluation. */
export const rolloutFiles = {
  truth: "gt_video.mp4",
  prediction: "pred_video.mp4",
  exact: "rollout.safetensors",
} as const;

/** What a rollout was made with: a folder of other settings is not complete. */
export type RolloutSettings = Readonly<Record<string, string | number>>;

/** Options of {@link writeRollout}. */
export interface WriteRolloutOptions extends PictureSize {
  readonly fps: number;
  readonly settings: RolloutSettings;
}

/** Name of the folder of a start: the clip and its first predicted frame. */
export function rolloutName({ source, frame }: Pick<Start, "source" | "frame">): string {
  return `${source}_${String(frame).padStart(5, "0")}`;
}

/**
 * Writes a rollout into `folder`: `gt_video.mp4` and `pred_video.mp4` (known frames first, then the truth or the prediction)
 * and `rollout.safetensors` with context_THWC, truth_THWC, prediction_THWC (uint8) and actions_TA (float32; row t leads from
 * frame t to t + 1, counted from the first known frame). The latter is written last: where it is, all is.
 */
export async function writeRollout(
  folder: string,
  start: Start,
  prediction_THWC: Uint8Array,
  options: WriteRolloutOptions,
): Promise<void> {
  const { height, width, fps, settings } = options;
  await mkdir(folder, { recursive: true });
  const size = height * width * 3;
  const video = { height, width, fps, crf: 12 };
  await writeVideo(join(folder, rolloutFiles.truth), framesOf([start.context_THWC, start.truth_THWC], size), video);
  await writeVideo(join(folder, rolloutFiles.prediction), framesOf([start.context_THWC, prediction_THWC], size), video);
  const pictures = (name: string, bytes: Uint8Array) => ({
    name,
    dtype: "U8" as const,
    shape: [bytes.length / size, height, width, 3],
    bytes,
  });
  const rows = (start.context_THWC.length + prediction_THWC.length) / size - 1;
  const { buffer, byteOffset, byteLength } = start.actions_TA;
  await writeSafetensors(
    join(folder, rolloutFiles.exact),
    [
      pictures("context_THWC", start.context_THWC),
      pictures("truth_THWC", start.truth_THWC),
      pictures("prediction_THWC", prediction_THWC),
      {
        name: "actions_TA",
        dtype: "F32",
        shape: [rows, start.actions_TA.length / rows],
        bytes: new Uint8Array(buffer, byteOffset, byteLength),
      },
    ],
    {
      metadata: {
        source: start.source,
        frame: String(start.frame),
        fps: String(fps),
        settings: JSON.stringify(settings),
      },
    },
  );
}

/** Whether `folder` holds all files of a rollout made with these settings. A damaged or foreign file counts as missing. */
export async function isRolloutComplete(folder: string, settings: RolloutSettings): Promise<boolean> {
  try {
    await Promise.all([stat(join(folder, rolloutFiles.truth)), stat(join(folder, rolloutFiles.prediction))]);
    await using file = await openSafetensors(join(folder, rolloutFiles.exact));
    return file.metadata?.["settings"] === JSON.stringify(settings);
  } catch (error) {
    if (error instanceof FormatError || (error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function* framesOf(clips: readonly Uint8Array[], size: number): Generator<Uint8Array, void> {
  for (const clip of clips) for (let from = 0; from < clip.length; from += size) yield clip.subarray(from, from + size);
}
