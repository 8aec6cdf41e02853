// Curves as SVG: one panel each, one colour a series, titles in place.
import { expect, test } from "vitest";
import { lineCharts } from "./line-charts.js";

test("panels, series and titles are in the picture", async () => {
  const points = [1, 2, 4].flatMap((x) => [
    { series: "ddim", x, y: x },
    { series: "unipc", x, y: 2 * x },
  ]);
  const svg = await lineCharts(
    [
      { yTitle: "PSNR", points },
      { yTitle: "SSIM", points },
    ],
    { title: "quality", xTitle: "evaluations", logX: true, xTicks: [1, 2, 4] },
  );
  expect(svg.startsWith("<svg")).toBe(true);
  for (const text of ["quality", "PSNR", "SSIM", "evaluations", "ddim", "unipc"]) expect(svg).toContain(text);
  expect(svg.match(/class="mark-line/g)?.length).toBeGreaterThanOrEqual(2);
});
