// A drift report for the terminal: a line per horizon, what the findings mean, and the rollouts that broke.
import { textTable } from "@vid2world/formats/text-table";
import { findingsText } from "../report/findings-text.js";
import { statisticNames } from "./frame-statistics.js";
import type { DriftReport } from "./measure-drift.js";

/** Horizons that a table shows: the first, then doubling, and the last. */
export function shownHorizons(frames: number): number[] {
  const doubling = Array.from({ length: Math.ceil(Math.log2(Math.max(2, frames))) }, (_, i) => 2 ** i);
  return [...doubling.filter((frame) => frame < frames), frames];
}

/** The whole report as text. */
export function driftText(report: DriftReport): string {
  const { horizons, recorded, starts } = report;
  const rows = shownHorizons(report.frames).flatMap((frame) => {
    const horizon = horizons[frame - 1];
    if (!horizon) return [];
    const { psnr, repeated, ssim, statistics, secondsPerFrame } = horizon;
    const interval = Number.isFinite(psnr.low) ? `${psnr.low.toFixed(1)} to ${psnr.high.toFixed(1)}` : "";
    return [
      [
        ...[String(frame), psnr.value.toFixed(2), interval, repeated.toFixed(2), ssim.toFixed(3)],
        ...statisticNames.map((name) => statistics[name].toFixed(1)),
        secondsPerFrame.toFixed(3),
      ],
    ];
  });
  const real = ["real", "", "", "", "", ...statisticNames.map((name) => recorded[name].toFixed(1)), ""];
  const head = ["frame", "PSNR", "95 %", "still", "SSIM", ...statisticNames, "s/frame"];
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
