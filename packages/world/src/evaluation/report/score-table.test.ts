// The table of scores.

import { expect, test } from "vitest";
import { scoreTable } from "./score-table.js";

test("shows the first, doubling and the last horizons, aligned, and what is gained", () => {
  const scores = { psnr: Array.from({ length: 9 }, (_, h) => 20 - h), ssim: [], psnrMean: 16, ssimMean: 0.5 };
  const rows = { model: scores, repeatLastFrame: { ...scores, psnrMean: 9.5 }, shuffledActions: scores };
  const gain = { difference: 6.5, interval: [5, 7.25] as [number, number], pValue: 0.0004 };
  expect(scoreTable({ ...rows, gains: { repeatLastFrame: gain, shuffledActions: { ...gain, pValue: 0.2 } } })).toBe(
    [
      "PSNR (dB) at frame      1      2      4      8      9   mean   SSIM",
      "model               20.00  19.00  17.00  13.00  12.00  16.00  0.500",
      "repeat last frame   20.00  19.00  17.00  13.00  12.00   9.50  0.500",
      "shuffled actions    20.00  19.00  17.00  13.00  12.00  16.00  0.500",
      "better than repeating the last frame by 6.50 [5.00, 7.25] dB, p < 0.001",
      "better than under shuffled actions by 6.50 [5.00, 7.25] dB, p = 0.200",
    ].join("\n"),
  );
});
