// Curves that pages draw.

/** A line of a chart: [x, value], x ascending. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, value: number])[];
}

/** A chart. */
export interface Curve {
  /** Short, for names of files. */
  readonly id: string;
  readonly title: string;
  /** What the numbers mean, in a sentence. */
  readonly note: string;
  readonly series: readonly Series[];
  /** Logarithmic; only where all values are above 0. */
  readonly logarithmic?: boolean;
  /** What is counted to the right; default: step. */
  readonly xTitle?: string;
  /** Colours by order of the series, not by kind. */
  readonly ordered?: boolean;
}

/** At most `most` points: means of neighbours, at their mean step. Series that are short enough stay as they are. */
export function thinned(points: Series["points"], most: number): Series["points"] {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, i) => {
    const some = points.slice(Math.floor((i * points.length) / most), Math.floor(((i + 1) * points.length) / most));
    const mean = (pick: 0 | 1): number => some.reduce((sum, point) => sum + point[pick], 0) / some.length;
    return [mean(0), mean(1)] as const;
  });
}
