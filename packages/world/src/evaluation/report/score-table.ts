// Scores as a short table of text, for terminals and logs.

import { alignedLines } from "@vid2world/formats/text-table";
import type { EvaluationReport, Gain } from "../evaluate-world.js";
import { shownHorizons } from "../metrics/horizon.js";
import { intervalText, pValueText } from "../statistics/finding.js";

/**
 * PSNR at a few horizons, means of PSNR and SSIM; one line per row, model first, numbers aligned. Below, by how much the model is better than
 * either baseline, with interval and p-value.
 */
export function scoreTable(
  report: Pick<EvaluationReport, "model" | "repeatLastFrame" | "shuffledActions" | "gains">,
): string {
  const horizons = shownHorizons(report.model.psnr.length);
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
  const gains = report.gains && [
    gainText("repeating the last frame", report.gains.repeatLastFrame),
    gainText("under shuffled actions", report.gains.shuffledActions),
  ];
  return [...alignedLines([head, ...rows]), ...(gains ?? [])].join("\n");
}

function gainText(than: string, { difference, interval: [low, high], pValue }: Gain): string {
  const found = { value: difference, low, high, digits: 2, unit: "dB", episodes: 0 };
  return `better than ${than} by ${intervalText(found)}, ${pValueText(pValue)}`;
}
