// Curves side by side as one SVG, drawn by Vega without a browser.

import { View, parse } from "vega";
import { type TopLevelSpec, compile } from "vega-lite";

/** One curve's point. */
export interface ChartPoint {
  /** Name of the curve; equal names have equal colours in all panels. */
  readonly series: string;
  readonly x: number;
  readonly y: number;
}

/** One panel. */
export interface ChartPanel {
  readonly yTitle: string;
  readonly points: readonly ChartPoint[];
}

/** What the panels have in common. */
export interface ChartOptions {
  readonly title: string;
  readonly xTitle: string;
  /** Logarithmic x axis; default false. */
  readonly logX?: boolean;
  /** Marks of the x axis; absent: chosen. */
  readonly xTicks?: readonly number[];
}

/** Panels with curves, side by side, as SVG text. */
export async function lineCharts(panels: readonly ChartPanel[], options: ChartOptions): Promise<string> {
  const { title, xTitle, logX = false, xTicks } = options;
  const spec: TopLevelSpec = {
    title: { text: title, anchor: "start" },
    background: "white",
    hconcat: panels.map(({ yTitle, points }) => ({
      width: 260,
      height: 220,
      data: { values: points.map((point) => ({ ...point })) },
      mark: { type: "line" as const, point: true },
      encoding: {
        x: {
          field: "x",
          type: "quantitative" as const,
          title: xTitle,
          scale: logX ? { type: "log" as const } : { zero: false },
          axis: { ...(xTicks && { values: [...xTicks] }), format: "d" },
        },
        y: { field: "y", type: "quantitative" as const, title: yTitle, scale: { zero: false } },
        color: { field: "series", type: "nominal" as const, title: null, sort: null },
      },
    })),
  };
  return new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}
