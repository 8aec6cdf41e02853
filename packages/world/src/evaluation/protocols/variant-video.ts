// The video of `action-control`: all variants of a start side by side, made from their exact frames on disk.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, writeVideo } from "@vid2world/formats";
import { readNpz } from "@vid2world/formats/npy/npz";
import { variantPictures } from "./action-control.js";
import { clipFile } from "./clip-files.js";
import { type FrameBlock, blockOfRaw } from "./frame-block.js";
import type { Job } from "./jobs.js";

/** Options of {@link writeVariantVideo}. */
export interface VariantVideoOptions {
  readonly contextFrames: number;
  readonly fps: number;
  /** Make it even if it is there, because a variant is new. */
  readonly again: boolean;
}

/** Writes `action_control_NAME.mp4` beside the variants' folders (a name that the published evaluation does not take for a rollout). */
export async function writeVariantVideo(
  out: string,
  name: string,
  jobs: readonly Job[],
  { contextFrames, fps, again }: VariantVideoOptions,
): Promise<string> {
  const file = join(out, `action_control_${name}.mp4`);
  const present = await stat(file).then(
    () => true,
    () => false,
  );
  if (present && !again) return file;
  const variants: { label: string; prediction: FrameBlock }[] = [];
  for (const { name: folder, variant } of jobs) {
    const raw = clipFile(out, folder, "folders", "raw_data.npz");
    const pred = (await readNpz(raw, { names: ["pred"] })).get("pred");
    if (!pred) throw new FormatError(raw, "holds no frames");
    variants.push({ label: variant?.label ?? folder, prediction: blockOfRaw(pred) });
  }
  const pictures = variantPictures(variants, contextFrames);
  const first = pictures.next();
  if (first.done === true) throw new FormatError(file, "there are no frames to show");
  const { height, width, data_HWC } = first.value;
  function* frames(): Generator<Uint8Array, void> {
    yield data_HWC;
    for (const picture of pictures) yield picture.data_HWC;
  }
  await writeVideo(file, frames(), { height, width, fps });
  return file;
}
