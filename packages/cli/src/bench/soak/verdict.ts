// Whether a quantity that was looked at for hours grows: a straight line through its looks, and how well it is known.

/** A quantity over time. */
export interface Growth {
  readonly what: string;
  readonly unit: string;
  /** Of the looks after the warm-up. */
  readonly looks: number;
  readonly mean: number;
  /** Slope of the straight line of least squares, per hour, and its standard error for looks that resemble the ones before them. */
  readonly perHour: number;
  readonly error: number;
  /** Growth per hour up to which it is flat. */
  readonly allowed: number;
  readonly flat: boolean;
}

/** One look at it: `life` numbers what begins anew, such as an engine that was killed. */
export interface Point {
  readonly minutes: number;
  readonly life: number;
  readonly value: number;
}

/** Growth per hour, as a share of the mean, that passes as none. */
const ALLOWED = 0.02;
/** Standard errors by which a slope must exceed zero to be called growth. */
const CERTAIN = 2;

/**
 * Fits one slope to all lives, each with a level of its own. Flat: it grows by less than 2 % of its mean in an hour, or by less than two standard
 * errors, which is what chance alone makes of a quantity that fluctuates. A look that resembles the one before tells less than a new one: the error
 * counts as many looks as there are independent ones, by the residuals' correlation with the next (an autoregressive process of the first order, as
 * for trends in Santer et al., Journal of Geophysical Research 105, 2000).
 */
export function growthOf(what: string, unit: string, points: readonly Point[]): Growth {
  const lives = [...new Set(points.map(({ life }) => life))].map((life) => points.filter((one) => one.life === life));
  const centred = lives.flatMap((of) => {
    const [t, v] = [meanOf(of.map(({ minutes }) => minutes / 60)), meanOf(of.map(({ value }) => value))];
    return of.map(({ minutes, value }) => ({ x: minutes / 60 - t, y: value - v }));
  });
  const sum = (of: (point: { x: number; y: number }) => number): number => centred.reduce((s, one) => s + of(one), 0);
  const spread = sum(({ x }) => x * x);
  const perHour = spread > 0 ? sum(({ x, y }) => x * y) / spread : NaN;
  const residuals = centred.map(({ x, y }) => y - perHour * x);
  const squares = residuals.reduce((s, one) => s + one * one, 0);
  const alike = Math.max(0, residuals.reduce((s, one, i) => s + one * (residuals[i + 1] ?? 0), 0) / (squares || 1));
  const independent = (points.length * (1 - alike)) / (1 + alike);
  const error = Math.sqrt(squares / Math.max(1, independent - lives.length - 1) / spread);
  const mean = meanOf(points.map(({ value }) => value));
  const allowed = Math.max(ALLOWED * mean, CERTAIN * error);
  return { what, unit, looks: points.length, mean, perHour, error, allowed, flat: perHour <= allowed };
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
