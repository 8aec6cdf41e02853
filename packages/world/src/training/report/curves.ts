// Which curves a run's history has: every number that was recorded ends up in one of them.
import type { Curve, Series } from "../../page/curve.js";
import { LEVEL_RANGES, levelRange } from "../loss-by-level.js";
import { type HistoryLine, type RunHistory, stepOf } from "./read-history.js";

/** Names of a report that are no metrics of the objective. */
const OTHER_FIELDS = new Set([
  ...["time", "type", "step", "progress", "minutes", "secondsLeft", "lossByLevel", "memory"],
  ...["learningRate", "stepsPerSecond", "framesPerSecond", "loss", "gradientNorm"],
]);

/** What metrics mean; others are shown under their own name. */
const meanings: Readonly<Record<string, readonly [title: string, note: string]>> = {
  psnr: ["PSNR", "dB on held-out data; higher is better."],
  ssim: ["SSIM", "Structural similarity on held-out clips; higher is better, 1 is equal."],
  mse: ["Mean squared error", "Of pixels in [-1, 1]; lower is better."],
  gainOverRepeat: ["Gain over the repeated frame", "dB above showing the last known frame again and again."],
  gainOverShuffled: [
    "Gain over shuffled actions",
    "dB above the same model told other clips' actions: above 0 it obeys.",
  ],
  l1: ["L1", "Mean absolute error of the reconstruction."],
  kl: ["Divergence", "Of the latents from a normal distribution, for each pixel."],
  lossScale: ["Loss scale", "What float16 losses are multiplied with, so that small gradients do not vanish."],
  leftOut: ["Steps left out", "Steps since the last report whose gradient was not finite or too large."],
};

/** All curves that have at least one value, the most important ones first. */
export function curvesOf({ progress, validations }: RunHistory): Curve[] {
  const own = (name: string): Series["points"] => pointsOf(progress, (line) => line[name]);
  const held = (name: string): Series["points"] => pointsOf(validations, (line) => line[name]);
  const memory = (name: string): Series["points"] =>
    pointsOf(progress, (line) => {
      const bytes = (line["memory"] as Record<string, number> | undefined)?.[name];
      return bytes === undefined ? undefined : bytes / 2 ** 30;
    });
  const other = (lines: readonly HistoryLine[], skip: (name: string) => boolean): string[] =>
    [...new Set(lines.flatMap((line) => Object.keys(line)))].filter((name) => !skip(name));
  const metric = (name: string, id: string, points: Series["points"]): Curve => {
    const [title, note] = meanings[name] ?? [name, ""];
    return { id: `${id}-${name}`, title, note, series: [{ name: title, points }] };
  };

  const curves: Curve[] = [
    {
      ...{ id: "loss", title: "Loss", note: "What is minimised; lower is better.", logarithmic: true },
      series: [
        { name: "training", points: own("loss") },
        { name: "held out", points: held("loss") },
      ],
    },
    {
      ...{ id: "loss-by-level", title: "Loss by noise level", ordered: true, logarithmic: true },
      note: "Mean loss of frames by tenth of the noise levels: 0.0-0.1 is nearly clean, 0.9-1.0 nearly pure noise.",
      series: Array.from({ length: LEVEL_RANGES }, (_, i) => ({
        name: levelRange(i),
        points: pointsOf(progress, (line) => (line["lossByLevel"] as unknown[] | undefined)?.[i]),
      })),
    },
    ...other(validations, (name) => OTHER_FIELDS.has(name)).map((name) => metric(name, "validation", held(name))),
    {
      ...{ id: "gradient-norm", title: "Gradient norm", note: "Before clipping.", logarithmic: true },
      series: [{ name: "gradient norm", points: own("gradientNorm") }],
    },
    {
      ...{ id: "learning-rate", title: "Learning rate", note: "Of the step that was reported." },
      series: [{ name: "learning rate", points: own("learningRate") }],
    },
    ...other(progress, (name) => OTHER_FIELDS.has(name)).map((name) => metric(name, "train", own(name))),
    {
      ...{ id: "steps-per-second", title: "Steps per second", note: "Between two reports, without validation." },
      series: [{ name: "steps per second", points: own("stepsPerSecond") }],
    },
    {
      ...{ id: "frames-per-second", title: "Frames per second", note: "Trained on, by all processes." },
      series: [{ name: "frames per second", points: own("framesPerSecond") }],
    },
    {
      ...{ id: "memory", title: "Memory", note: "GiB in use; of the device the largest so far." },
      series: [
        { name: "process", points: memory("processBytes") },
        { name: "device", points: memory("deviceBytes") },
      ],
    },
  ];
  return curves
    .map((curve) => ({ ...curve, series: curve.series.filter(({ points }) => points.length > 0) }))
    .filter(({ series }) => series.length > 0)
    .map((curve) => ({ ...curve, logarithmic: curve.logarithmic === true && curve.series.every(isPositive) }));
}

const isPositive = ({ points }: Series): boolean => points.every(([, value]) => value > 0);

function pointsOf(lines: readonly HistoryLine[], value: (line: HistoryLine) => unknown): Series["points"] {
  return lines.flatMap((line) => {
    const found = value(line);
    return typeof found === "number" && Number.isFinite(found) ? [[stepOf(line), found] as const] : [];
  });
}
