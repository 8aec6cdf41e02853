// A drift report for the terminal: a line per horizon, what the findings mean, and the rollouts that broke.
import { textTable } from "@vid2world/formats/text-table";
import { shownHorizons } from "../metrics/horizon.js";
import { findingsText } from "../report/findings-text.js";
import { statisticNames } from "./frame-statistics.js";
import type { Interval } from "../statistics/bootstrap.js";
import type { DriftReport } from "./measure-drift.js";

/** The whole report as text. */
export function driftText(report: DriftReport): string {
  const { horizons, recorded, starts } = report;
  const rows = shownHorizons(report.frames).flatMap((frame) => {
    const horizon = horizons[frame - 1];
    if (!horizon) return [];
    const { psnr, repeated, ssim, statistics, secondsPerFrame } = horizon;
    const interval = ({ low, high }: Interval, digits: number): string =>
      Number.isFinite(low) ? `${low.toFixed(digits)} to ${high.toFixed(digits)}` : "";
    return [
      [
        ...[String(frame), psnr.value.toFixed(2), interval(psnr, 1), repeated.value.toFixed(2)],
        ...[ssim.value.toFixed(3), interval(ssim, 2)],
        ...statisticNames.map((name) => statistics[name].value.toFixed(1)),
        secondsPerFrame.toFixed(3),
      ],
    ];
  });
  const real = ["real", "", "", "", "", "", ...statisticNames.map((name) => recorded[name].toFixed(1)), ""];
  const head = ["frame", "PSNR", "95 %", "still", "SSIM", "95 %", ...statisticNames, "s/frame"];
  const broken = starts.flatMap(({ source, frame, collapse }) => {
    if (!collapse) return [];
    const { statistic, value, range } = collapse;
    const [low, high] = range.map((end) => end.toFixed(1));
    return [`${source} from frame ${frame}: predicted frame ${collapse.frame} is the first bad one: ${Number.isFinite(value) ? `${statistic} ${value.toFixed(1)}, recorded ${low} to ${high}` : "not finite"}`]; // prettier-ignore
  });
  const parts = [
    textTable([head, ...rows, real]),
    findingsText(report.findings),
    broken.join("\n"),
    report.notes.join("\n"),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}
