// A model's card as one page: scores beside baselines, obedience and drift with intervals, curves, clips side by side, what it was made of.
import { chartSvg } from "../../page/chart.js";
import type { Curve } from "../../page/curve.js";
import { chartFigure, factsTable, pageHtml, pagePalette, section } from "../../page/html.js";
import type { PictureSize } from "../../data/transforms.js";
import { frameStrip } from "../comparison/frame-strip.js";
import { tableHtml } from "../comparison/page-table.js";
import { type ViewedClip, viewerHtml, viewerScript, viewerStyle } from "../comparison/viewer.js";
import { statisticNames } from "../drift/frame-statistics.js";
import type { EvaluationReport } from "../evaluate-world.js";
import { scoreHorizons, shownHorizons } from "../metrics/horizon.js";
import { type Finding, intervalText, pValueText } from "../statistics/finding.js";
import type { CardContent } from "./measure-card.js";

/** What the page says beside what was measured. */
export interface CardPageOptions extends PictureSize {
  /** Frames per second of the recordings. */
  readonly fps: number;
  /** Command, versions, checksums, licences. */
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>;
  /** Curves of the training, where its history was kept. */
  readonly training?: readonly Curve[];
  /** How many of the worst clips are shown, beside the median and the best one. Default 8. */
  readonly clips?: number;
}

/** The page as text. */
export async function cardPage(content: CardContent, options: CardPageOptions): Promise<string> {
  const { report, obedience, drift } = content;
  const figures = await Promise.all(cardCurves(content).map(drawn));
  const training = await Promise.all((options.training ?? []).map(drawn));
  const viewed = await shownClips(content, options);
  const grid = (charts: readonly string[]): string => `<div class="grid">${charts.join("\n")}</div>`;
  const findings = (title: string, note: string, some: readonly Finding[]): string =>
    section(title, note, findingsTable(some));
  const body = [
    section(
      "How near to what really followed",
      "PSNR in dB by predicted frame, and its mean, with 95 % intervals (bootstrap over starts); higher is better.",
      horizonTable(report),
    ),
    obedience ? findings("Does it do as it is told?", obedience.notes.join("; "), obedience.findings) : "",
    findings("Where does it break?", drift.notes.join("; "), drift.findings),
    section("Against the horizon", "", grid(figures)),
    section(
      "Clips, the worst first",
      `By PSNR; ${viewed.length} of ${content.starts.length} starts${viewed.length < content.starts.length ? ", the median and the best one last" : ""}. The bar moves all of them together; the space bar plays.`,
      viewerHtml(viewed, options.fps),
    ),
    training.length === 0 ? "" : section("How it was trained", "", grid(training)),
    section("Made with", "", factsTable([...options.facts, ["seed", String(report.seed)]])),
  ];
  const summary =
    `${content.starts.length} starts in recordings that it never saw, ${report.contextFrames} known frames each; ` +
    `${report.predictedFrames} predicted ones, and ${drift.frames} in the long rollouts.`;
  const title = `World model "${report.world}"`;
  return pageHtml({ title, summary, body: body.join("\n"), style: viewerStyle, script: viewerScript });
}

const drawn = async (curve: Curve): Promise<string> =>
  chartFigure({ ...curve, svg: await chartSvg(curve, { palette: pagePalette }) });

function horizonTable({ predictedFrames, starts, ...report }: EvaluationReport): string {
  const horizons = shownHorizons(predictedFrames);
  const rows = [
    ["the world", report.model] as const,
    ["last known frame again", report.repeatLastFrame] as const,
    ["the world, told other clips' actions", report.shuffledActions] as const,
  ].map(([name, { intervals, ...scores }]) => {
    const shown = (value: number, bounds: readonly [number, number] | undefined, digits: number): string => {
      const [low, high] = bounds ?? [NaN, NaN];
      return intervalText({ ...{ value, low, high, digits }, unit: "", episodes: starts.length });
    };
    const byHorizon = horizons.map((horizon) =>
      shown(scores.psnr[horizon - 1] ?? NaN, intervals?.psnr[horizon - 1], 2),
    );
    const means = [shown(scores.psnrMean, intervals?.psnrMean, 2), shown(scores.ssimMean, intervals?.ssimMean, 3)];
    return [name, ...byHorizon, ...means];
  });
  return tableHtml(["", ...horizons.map((horizon) => `frame ${horizon}`), "mean", "SSIM"], rows);
}

function findingsTable(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => [
    `${finding.test}: ${finding.name}`,
    `${intervalText(finding)} ${pValueText(finding.pValue)}`.trim(),
    finding.meaning,
  ]);
  return tableHtml(["what", "value with 95 % interval", "what it means"], rows);
}

function cardCurves({ report, drift }: CardContent): Curve[] {
  const points = (values: readonly number[]): (readonly [number, number])[] =>
    values.map((value, t) => [t + 1, value] as const);
  const long = (of: (horizon: (typeof drift.horizons)[number]) => number): (readonly [number, number])[] =>
    points(drift.horizons.map(of));
  const looks = statisticNames.filter((name) => name === "sharpness" || name === "motion" || name === "saturation");
  return [
    {
      ...{ id: "psnr", title: "PSNR, dB", note: "Against what really followed, with both baselines.", xTitle: "frame" },
      series: [
        { name: "world", points: points(report.model.psnr) },
        { name: "still", points: points(report.repeatLastFrame.psnr) },
        { name: "other actions", points: points(report.shuffledActions.psnr) },
      ],
    },
    {
      ...{
        id: "long",
        title: "PSNR of long rollouts, dB",
        note: "Where it meets the still picture it knows no more.",
        xTitle: "frame",
      },
      series: [
        { name: "world", points: long(({ psnr }) => psnr.value) },
        { name: "still", points: long(({ repeated }) => repeated.value) },
      ],
    },
    {
      ...{
        id: "looks",
        title: "Looks beside real frames",
        note: "As shares of the recordings' means; 1 is as they are.",
        xTitle: "frame",
      },
      series: looks.map((name) => ({
        name,
        points: long(({ statistics }) => statistics[name].value / drift.recorded[name]),
      })),
    },
  ];
}

/** The worst clips, the median one and the best one, each once. */
async function shownClips(
  { starts, predictions, shuffled }: CardContent,
  { height, width, clips = 8 }: CardPageOptions,
): Promise<ViewedClip[]> {
  const size = { height, width };
  const scored = starts.map((start, i) => {
    const prediction = predictions[i] as Uint8Array;
    return { start, prediction, i, psnr: scoreHorizons([prediction], [start.truth_THWC], size).psnrMean };
  });
  scored.sort((a, b) => a.psnr - b.psnr);
  const [median, best] = [scored[Math.floor((scored.length - 1) / 2)], scored.at(-1)];
  const label = (clip: (typeof scored)[number]): string =>
    clip === best ? " (the best)" : clip === median ? " (the median)" : "";
  const shown = new Set([...scored.slice(0, clips), ...[median, best].flatMap((clip) => clip ?? [])]);
  return Promise.all(
    [...shown].map(async (clip): Promise<ViewedClip> => {
      const { start, prediction, psnr, i } = clip;
      const frames = Array.from({ length: prediction.length / (height * width * 3) }, (_, t) => t);
      const panel = async (caption: string, bytes: Uint8Array) => ({
        caption,
        strip: await frameStrip(bytes, size, frames),
      });
      return {
        title: `${start.source}, from frame ${start.frame}`,
        note: `PSNR ${psnr.toFixed(2)} dB${label(clip)}`,
        panels: [
          await panel("truth", start.truth_THWC),
          await panel("the world", prediction),
          await panel("the world, told another clip's actions", shuffled[i] as Uint8Array),
        ],
      };
    }),
  );
}
