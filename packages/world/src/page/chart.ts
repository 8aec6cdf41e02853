// A curve as SVG, by vega-lite without a browser; as PNG by sharp.
import { View, parse } from "vega";
import { type TopLevelSpec, compile } from "vega-lite";
import { type Curve, thinned } from "./curve.js";

/** Colours of a chart: any CSS colour, variables too where a page defines them. */
export interface Palette {
  readonly text: string;
  readonly grid: string;
  /** Series without an order. */
  readonly series: readonly string[];
  /** Series with an order, at least ten. */
  readonly ordered: readonly string[];
}

/** For files that are looked at by themselves, on white. */
export const lightPalette: Palette = {
  text: "#5d636b",
  grid: "#e3e5e8",
  series: ["#0b62c4", "#b3541e", "#5d636b"],
  ordered: [
    "#5b73cd",
    "#1380c7",
    "#008bb3",
    "#009294",
    "#009365",
    "#538c2d",
    "#887d00",
    "#a56e00",
    "#b75f0b",
    "#bf534e",
  ],
};

/** The same roles for a dark page. */
export const darkPalette: Palette = {
  text: "#a0a6ae",
  grid: "#33373c",
  series: ["#6db3ff", "#f0a868", "#a0a6ae"],
  ordered: [
    "#8ba6fd",
    "#5db2f7",
    "#1ebde3",
    "#00c4c4",
    "#47c496",
    "#86bd67",
    "#b7af41",
    "#d5a13c",
    "#e99355",
    "#f28881",
  ],
};

/** What a chart shows besides its curve. */
export interface ChartOptions {
  readonly palette: Palette;
  /** Steps at which the run was resumed: dashed lines. */
  readonly marks?: readonly number[];
  /** In pixels, without axes. */
  readonly width?: number;
  readonly height?: number;
}

/** Points of a series that are drawn: more than pixels can show only make files large. */
const DRAWN_POINTS = 300;
const ORDERED_POINTS = 40;

/** A series of fewer points shows each of them. */
const FEW_POINTS = 20;

/** Draws a curve. */
export async function chartSvg(curve: Curve, options: ChartOptions): Promise<string> {
  const { spec } = compile(specOf(curve, options));
  const view = new View(parse(spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** A drawn chart as PNG, twice as large, on white. */
export async function chartPng(svg: string): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(Buffer.from(svg), { density: 144 }).flatten({ background: "white" }).png().toBuffer();
}

function specOf(
  { series, logarithmic = false, ordered = false, xTitle = "step" }: Curve,
  { palette, marks = [], width = 400, height = 200 }: ChartOptions,
): TopLevelSpec {
  // Single levels of single reports scatter much: means of more of them show where each level goes.
  const most = ordered ? ORDERED_POINTS : DRAWN_POINTS;
  const drawn = series.map(({ name, points }) => ({ name, points: thinned(points, most) }));
  const rows = (some: typeof drawn): object[] =>
    some.flatMap(({ name, points }) => points.map(([step, value]) => ({ name, step, value })));
  const heights = drawn.flatMap(({ points }) => points.map(([, value]) => value));
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const range = [...(ordered ? palette.ordered : palette.series)].slice(0, series.length);
  const y = {
    field: "value",
    type: "quantitative" as const,
    // The nice end of a logarithmic scale is a power of ten, which may be far away.
    scale: logarithmic ? { type: "log" as const, domain: [low * 0.9, high * 1.1] } : { zero: false, nice: true },
    axis: { title: null, tickCount: 5, format: formatFor(low, high) },
  };
  const x = { field: "step", type: "quantitative" as const, axis: { title: xTitle, format: "~s", tickCount: 6 } };
  const colour = {
    field: "name",
    type: "nominal" as const,
    scale: { domain: series.map(({ name }) => name), range },
    sort: null,
    legend:
      series.length > 1 ? { title: null, orient: "bottom" as const, columns: 5, symbolType: "stroke" as const } : null,
  };
  return {
    ...{ width, height, background: "transparent", data: { values: rows(drawn) } },
    layer: [
      {
        data: { values: marks.map((step) => ({ step })) },
        mark: { type: "rule", strokeDash: [3, 3], color: palette.text, opacity: 0.6 },
        encoding: { x: { field: "step", type: "quantitative" } },
      },
      {
        mark: { type: "line", strokeWidth: 1.8, strokeJoin: "round" },
        encoding: { x, y, color: colour },
      },
      {
        data: { values: rows(drawn.filter(({ points }) => points.length < FEW_POINTS)) },
        mark: { type: "point", size: 18, filled: true, opacity: 1 },
        encoding: { x, y, color: colour },
      },
    ],
    config: {
      aria: false,
      view: { stroke: null },
      font: "system-ui, sans-serif",
      axis: {
        ...{ labelColor: palette.text, titleColor: palette.text, gridColor: palette.grid, tickColor: palette.grid },
        ...{ domainColor: palette.grid, labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal" as const },
      },
      legend: { labelColor: palette.text, labelFontSize: 11 },
    },
  };
}

/** d3 number format: "3e-4" for tiny numbers, "20k" for large ones, plain between. */
function formatFor(low: number, high: number): string {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  if (largest >= 1e4) return "~s";
  return largest < 0.01 ? "~e" : "~r";
}
