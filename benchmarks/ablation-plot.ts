// The ablation study as a picture: one panel per metric, one row per variant, a dot per seed and a bar at their mean.
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { AblationRun, AblationVariant, MetricName } from "./ablation-study.js";

const panels: ReadonlyArray<readonly [metric: MetricName, title: string, domain?: [number, number]]> = [
  ["psnr", "PSNR, dB (higher is better)"],
  ["ssim", "SSIM (higher is better)"],
  ["encoderDistance", "feature distance (lower is better)"],
  ["actionGain", "true over shuffled actions, dB"],
  ["obeyedStarts", "share of starts that obey both turns", [0, 1]],
  ["validationLoss", "validation loss (lower is better)"],
];

/** Draws the runs as SVG text; variants from top to bottom as given. */
export function plotRuns(runs: readonly AblationRun[], variants: readonly AblationVariant[]): Promise<string> {
  const order = variants.map(({ variant }) => variant);
  const spec: TopLevelSpec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    columns: 3,
    align: "none",
    spacing: 16,
    config: { font: "sans-serif", axis: { titleFontWeight: "normal" }, view: { stroke: "#ddd" } },
    concat: panels.map(([metric, title, domain], index) => ({
      width: 190,
      height: 24 * order.length,
      data: { values: runs.map(({ variant, seed, metrics }) => ({ variant, seed, value: metrics[metric] })) },
      layer: [
        {
          mark: { type: "tick", thickness: 2, color: "#888" },
          encoding: { x: { aggregate: "mean", field: "value", type: "quantitative" } },
        },
        {
          mark: { type: "point", filled: true, size: 55, opacity: 0.9 },
          encoding: {
            x: { field: "value", type: "quantitative", scale: { zero: false, ...(domain && { domain }) }, title },
            color: {
              field: "seed",
              type: "nominal",
              title: "seed",
              scale: { range: ["#1b6ca8", "#e07b39", "#3a8f5c"] },
            },
          },
        },
      ],
      encoding: {
        y: {
          field: "variant",
          type: "nominal",
          sort: order,
          title: null,
          axis: index % 3 === 0 ? { grid: true } : { labels: false, ticks: false, grid: true },
        },
      },
    })),
  };
  return new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}
