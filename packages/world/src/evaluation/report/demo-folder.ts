// The demo's folder: videos of truth beside model, one start under several actions, a contact sheet, metrics.json.
// Axes: T frames, H height, W width, C colours (RGB bytes).

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically, writeVideo } from "@vid2world/formats";
import { repeatLastFrame } from "../baselines.js";
import { type EvaluationReport, evaluationReportSchema } from "../evaluate-world.js";
import type { PictureSize } from "../../data/transforms.js";
import type { Start } from "../starts.js";
import { type Comparison, truthBesideModel, type Variant, variantsSideBySide } from "./compositions.js";
import { contactSheetHtml, type SheetRow } from "./contact-sheet.js";
import type { Picture } from "./picture.js";
import { stripRow } from "./strip-row.js";

/** Everything that the folder is made of. */
export interface DemoContent extends PictureSize {
  readonly report: EvaluationReport;
  readonly fps: number;
  readonly comparisons: readonly Comparison[];
  /** One start under several constant actions. */
  readonly probe: { readonly start: Start; readonly variants: readonly Variant[] };
}

const names = { metrics: "metrics.json", sheet: "contact-sheet.html", actions: "five-actions.mp4" } as const;
/** Frames of a strip: as many as stay legible on one line. */
const stripFrames = 8;

/**
 * Writes the folder and returns the names of its files. Every file appears whole or not at all; metrics.json comes last.
 */
export async function writeDemoFolder(folder: string, content: DemoContent): Promise<string[]> {
  const { comparisons, probe, report, fps } = content;
  await mkdir(folder, { recursive: true });
  const bySource = groupBySource(comparisons);
  const videos: string[] = [];
  for (const [source, some] of bySource) {
    const name = `${source}.mp4`;
    await writePictures(join(folder, name), truthBesideModel(some, content), fps);
    videos.push(name);
  }
  await writePictures(join(folder, names.actions), variantsSideBySide(probe.start, probe.variants, content), fps);
  await writeFileAtomically(
    join(folder, names.sheet),
    await sheetOf(content, [...videos, names.actions, names.metrics]),
  );
  const metrics = evaluationReportSchema.parse(report);
  await writeFileAtomically(join(folder, names.metrics), `${JSON.stringify(metrics, undefined, 2)}\n`);
  return [...videos, names.actions, names.sheet, names.metrics];
}

/** Encodes pictures of one size as a video that browsers play. */
async function writePictures(file: string, pictures: Iterable<Picture>, fps: number): Promise<void> {
  const iterator = pictures[Symbol.iterator]();
  const first = iterator.next();
  if (first.done === true) return;
  const { height, width } = first.value;
  function* bytes(): Generator<Uint8Array, void> {
    for (let next: IteratorResult<Picture, unknown> = first; next.done !== true; next = iterator.next())
      yield next.value.data_HWC;
  }
  await writeVideo(file, bytes(), { height, width, fps });
}

async function sheetOf(content: DemoContent, files: readonly string[]): Promise<string> {
  const { report, comparisons, probe, height, width } = content;
  const size = height * width * 3;
  const row = (caption: string, frames_THWC: Uint8Array): Promise<SheetRow> =>
    stripRow(caption, frames_THWC, stripFrames, content);
  const sections = await Promise.all(
    comparisons.map(async ({ start, prediction_THWC }) => ({
      title: `${start.source}, from frame ${start.frame}`,
      rows: [
        await row("what really happened", start.truth_THWC),
        await row("the model, told the same actions", prediction_THWC),
        await row(
          "baseline: the last known frame again",
          repeatLastFrame(start.context_THWC, size, prediction_THWC.length / size),
        ),
      ],
    })),
  );
  const variants = await Promise.all(probe.variants.map(({ label, frames_THWC }) => row(label, frames_THWC)));
  const { contextFrames, predictedFrames, starts, model, repeatLastFrame: repeated, shuffledActions } = report;
  return contactSheetHtml({
    title: `${report.world}: what the world model sees`,
    summary:
      `${starts.length} starts in recordings that the model never saw; ${contextFrames} known frames each, then ` +
      `${predictedFrames} predicted ones, one after the other. ${report.secondsPerFrame.toFixed(2)} s per frame.`,
    scores: [
      ["model", model],
      ["repeat last frame", repeated],
      ["shuffled actions", shuffledActions],
    ],
    sections: [
      {
        title: "One start, several actions",
        note: "The same known frames, then one action held down all the time.",
        rows: variants,
      },
      ...sections,
    ],
    links: files.map((name) => [name, name] as const),
  });
}

function groupBySource(comparisons: readonly Comparison[]): Map<string, Comparison[]> {
  const groups = new Map<string, Comparison[]>();
  for (const comparison of comparisons) {
    const { source } = comparison.start;
    groups.set(source, [...(groups.get(source) ?? []), comparison]);
  }
  return groups;
}
