// Scores as a short table of text, for terminals and logs.

import { alignedLines } from "@vid2world/formats/text-table";
import type { EvaluationReport } from "../evaluate-world.js";

/** Horizons that are shown: the first, then doubling. */
const shownHorizons = [1, 2, 4, 8, 16, 32, 64];

/** PSNR at a few horizons, means of PSNR and SSIM; one line per row, model first, numbers aligned. */
export function scoreTable(report: Pick<EvaluationReport, "model" | "repeatLastFrame" | "shuffledActions">): string {
  const horizons = shownHorizons.filter((horizon) => horizon <= report.model.psnr.length);
  const head = ["PSNR (dB) at frame", ...horizons.map(String), "mean", "SSIM"];
  const rows = [
    ["model", report.model] as const,
    ["repeat last frame", report.repeatLastFrame] as const,
    ["shuffled actions", report.shuffledActions] as const,
  ].map(([name, { psnr, psnrMean, ssimMean }]) => [
    name,
    ...horizons.map((horizon) => (psnr[horizon - 1] ?? NaN).toFixed(2)),
    psnrMean.toFixed(2),
    ssimMean.toFixed(3),
  ]);
  return alignedLines([head, ...rows]).join("\n");
}
