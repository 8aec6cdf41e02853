// Is action t what happened between frame t and frame t + 1? Explains the picture's motion by the actions at several lags:
// the lag at which they explain most should be 0.
//   T transitions between frames, A numbers of an action, M kinds of motion

/** Motion and actions of an episode, transition by transition: motion t is from frame t to t + 1, row t the action of frame t. */
export interface LagEpisode {
  readonly motions: readonly (readonly number[])[];
  readonly actions: readonly (readonly number[])[];
}

/** How well actions explain motion at each lag, and which lag fits best. */
export interface LagResult {
  /** `actions[t + lag]` against motion t. */
  readonly lags: readonly number[];
  /** Share of the motion's variance that is explained (R squared), per lag. */
  readonly explained: readonly number[];
  /** Number of the kind of motion that is explained best. */
  readonly motion: number;
  readonly best: number;
  /** The best lag is not 0, and the difference is more than chance and neighbourhood make. */
  readonly suspicious: boolean;
}

/** Lags that are tried. */
export const LAGS: readonly number[] = [-3, -2, -1, 0, 1, 2, 3];

/** Transitions below which nothing can be said. */
const LEAST_TRANSITIONS = 60;
/** By how much another lag must explain more. Actions last for several frames, so that neighbouring lags fit alike. */
const MARGIN = 0.02;
const FACTOR = 1.15;
/** How many times the scatter of chance the difference must be, on top of that. */
const CHANCE = 5;

/** Compares the lags over all episodes; undefined if there is too little motion or action to tell. */
export function estimateLag(episodes: readonly LagEpisode[]): LagResult | undefined {
  const motions = episodes[0]?.motions[0]?.length ?? 0;
  const perMotion = Array.from({ length: motions }, (_, m) => LAGS.map((lag) => explainedShare(episodes, m, lag)));
  const peak = perMotion.map((shares) => Math.max(...shares.map((share) => share ?? 0)));
  const motion = peak.indexOf(Math.max(...peak));
  const shares = perMotion[motion];
  if (shares === undefined || shares.some((share) => share === undefined)) return undefined;
  const explained = shares.map((share) => share ?? 0);
  const top = Math.max(...explained);
  const best = LAGS[explained.indexOf(top)] ?? 0;
  const atZero = explained[LAGS.indexOf(0)] ?? 0;
  const rows = episodes.reduce((sum, { motions: each }) => sum + each.length, 0);
  const width = 2 * (episodes[0]?.actions[0]?.length ?? 0);
  // Chance alone gives shares that scatter by about sqrt(2 columns) / rows; the best of many is a few times that.
  const margin = MARGIN + (CHANCE * Math.sqrt(2 * width)) / rows;
  const suspicious = best !== 0 && top > atZero + margin && top > atZero * FACTOR;
  return { lags: LAGS, explained, motion, best, suspicious };
}

/** R squared, adjusted for the number of columns, of a linear fit of one motion by actions and their sizes. */
function explainedShare(episodes: readonly LagEpisode[], motion: number, lag: number): number | undefined {
  const rows: number[][] = [];
  const targets: number[] = [];
  // The same transitions for every lag, so that the shares can be compared.
  const border = Math.max(...LAGS);
  const width = episodes[0]?.actions[0]?.length ?? 0;
  // The size of a number says something new only where it can be negative: left and right both change the picture.
  const signed = Array.from({ length: width }, (_, i) => i).filter((i) =>
    episodes.some(({ actions }) => actions.some((row) => (row[i] ?? 0) < 0)),
  );
  for (const { motions, actions } of episodes) {
    for (let t = border; t < Math.min(motions.length, actions.length) - border; t++) {
      const action = actions[t + lag] ?? [];
      rows.push([1, ...action, ...signed.map((i) => Math.abs(action[i] ?? 0))]);
      targets.push(motions[t]?.[motion] ?? 0);
    }
  }
  const columns = rows[0]?.length ?? 0;
  if (rows.length < Math.max(LEAST_TRANSITIONS, 3 * columns)) return undefined;
  const mean = targets.reduce((sum, value) => sum + value, 0) / targets.length;
  const total = targets.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  if (total === 0) return undefined;
  const weights = leastSquares(rows, targets);
  let rest = 0;
  rows.forEach((row, i) => {
    const fit = row.reduce((sum, value, k) => sum + value * (weights[k] ?? 0), 0);
    rest += ((targets[i] ?? 0) - fit) ** 2;
  });
  return 1 - ((rest / total) * (rows.length - 1)) / Math.max(1, rows.length - columns);
}

/** Weights that minimise the squared error, with a little ridge so that constant or equal columns do no harm. */
function leastSquares(rows: readonly (readonly number[])[], targets: readonly number[]): number[] {
  const n = rows[0]?.length ?? 0;
  const matrix = Array.from({ length: n }, () => new Float64Array(n + 1));
  rows.forEach((row, r) => {
    for (let i = 0; i < n; i++) {
      const line = matrix[i];
      const value = row[i] ?? 0;
      if (line === undefined || value === 0) continue;
      for (let j = 0; j < n; j++) line[j] = (line[j] ?? 0) + value * (row[j] ?? 0);
      line[n] = (line[n] ?? 0) + value * (targets[r] ?? 0);
    }
  });
  matrix.forEach((line, i) => (line[i] = (line[i] ?? 0) * (1 + 1e-6) + 1e-6));
  for (let i = 0; i < n; i++) {
    const pivot = matrix[i];
    if (pivot === undefined) continue;
    for (const line of matrix) {
      if (line === pivot) continue;
      const factor = (line[i] ?? 0) / (pivot[i] ?? 1);
      if (factor === 0) continue;
      for (let j = i; j <= n; j++) line[j] = (line[j] ?? 0) - factor * (pivot[j] ?? 0);
    }
  }
  return matrix.map((line, i) => (line[n] ?? 0) / (line[i] ?? 1));
}
