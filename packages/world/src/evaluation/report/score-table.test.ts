// The table of scores.

import { expect, test } from "vitest";
import { scoreTable } from "./score-table.js";

test("shows the first and then doubling horizons, aligned", () => {
  const scores = { psnr: Array.from({ length: 9 }, (_, h) => 20 - h), ssim: [], psnrMean: 16, ssimMean: 0.5 };
  expect(scoreTable({ model: scores, repeatLastFrame: { ...scores, psnrMean: 9.5 }, shuffledActions: scores })).toBe(
    [
      "PSNR (dB) at frame      1      2      4      8   mean   SSIM",
      "model               20.00  19.00  17.00  13.00  16.00  0.500",
      "repeat last frame   20.00  19.00  17.00  13.00   9.50  0.500",
      "shuffled actions    20.00  19.00  17.00  13.00  16.00  0.500",
    ].join("\n"),
  );
});
