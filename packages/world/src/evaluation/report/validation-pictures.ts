// What people look at while a model trains: a video per clip, truth beside model, and a contact sheet of all clips.
// Axes: T frames, H height, W width, C colours (RGB bytes).
import { join } from "node:path";
import { writeFileAtomically, writeVideo } from "@vid2world/formats";
import type { PictureSize } from "../../data/transforms.js";
import { type Comparison, truthBesideModel } from "./compositions.js";
import { type ContactSheet, type SheetRow, contactSheetHtml } from "./contact-sheet.js";
import { rolloutName } from "./rollout-folder.js";
import { stripRow } from "./strip-row.js";

/** A video and the frames that it was made of. */
export interface ValidationVideo extends PictureSize {
  readonly name: string;
  /** Relative to the folder. */
  readonly file: string;
  readonly fps: number;
  readonly frames_THWC: Uint8Array;
}

/** How the pictures are made. */
export interface ValidationPictureOptions extends PictureSize, Pick<ContactSheet, "title" | "scores"> {
  readonly fps: number;
  /** Clips of the training data, told apart by name. */
  readonly seen?: readonly Comparison[];
}

/** Frames of a strip: as many as stay legible on one line. */
const STRIP_FRAMES = 8;
/** Height that small pictures are enlarged to, about. */
const SHOWN_HEIGHT = 224;

/** Writes `NAME.mp4` for every clip and `contact-sheet.html`; each appears whole or not at all. */
export async function writeValidationPictures(
  folder: string,
  comparisons: readonly Comparison[],
  { height, width, fps, title, scores, seen = [] }: ValidationPictureOptions,
): Promise<ValidationVideo[]> {
  const scale = Math.max(1, Math.round(SHOWN_HEIGHT / height));
  const videos: ValidationVideo[] = [];
  const all = [...comparisons, ...seen];
  for (const comparison of all) {
    const pictures = [...truthBesideModel([comparison], { height, width, scale })];
    const [first] = pictures;
    if (!first) continue;
    const name = `${seen.includes(comparison) ? "training-" : ""}${rolloutName(comparison.start)}`;
    const video = { name, file: `${name}.mp4`, height: first.height, width: first.width, fps };
    const frames = pictures.map(({ data_HWC }) => data_HWC);
    await writeVideo(join(folder, video.file), frames, video);
    videos.push({ ...video, frames_THWC: Buffer.concat(frames) });
  }
  const row = (caption: string, frames_THWC: Uint8Array): Promise<SheetRow> =>
    stripRow(caption, frames_THWC, STRIP_FRAMES, { height, width });
  const sections = await Promise.all(
    all.map(async (comparison) => {
      const { start, prediction_THWC } = comparison;
      const note = seen.includes(comparison) ? " (of the training data, not measured)" : "";
      return {
        title: `${start.source}, from frame ${start.frame}${note}`,
        rows: [
          await row("what really happened", start.truth_THWC),
          await row("the model, told the same actions", prediction_THWC),
        ],
      };
    }),
  );
  const summary = `${comparisons.length} clips that the model was not trained on, with the moving average of its weights.`;
  const links = videos.map(({ file }) => [file, file] as const);
  await writeFileAtomically(
    join(folder, "contact-sheet.html"),
    contactSheetHtml({ title, summary, scores, sections, links }),
  );
  return videos;
}
