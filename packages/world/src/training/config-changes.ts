// Which settings may change when a run goes on. A changed setting makes another run; it has to be allowed by its name.
import { isDeepStrictEqual } from "node:util";

/**
 * Settings that change freely, with everything below them: what ends a run, what is written and shown, and where cached copies lie.
 * (A budget is free though `training.decay` follows it; another number of threads sums in another order, equal to rounding.)
 */
export const FREE_SETTINGS: readonly string[] = [
  ...["training.maxSteps", "training.maxMinutes", "training.threads"],
  ...["training.logEvery", "training.validateEvery", "validation", "logging", "latents.cache", "latents.workers"],
  ...["training.checkpointMinutes", "training.checkpointSteps", "training.saveBeside", "training.onSaveFailure"],
  ...["training.keepCheckpoints", "training.keepEverySteps", "training.keepBest"],
  ...["training.instability.policy", "training.instability.maxConsecutive", "model.checkpointing"],
];

/** Settings that stay those of the run's beginning, allowed or not: they number its micro batches, and so decide every random choice. */
const FIXED_SETTINGS: readonly string[] = ["training.accumulate", "training.seed"];

/** A run was to go on with other settings than it was begun with. */
export class ChangedConfigError extends Error {
  override readonly name = "ChangedConfigError";
}

/** One setting that differs. */
export interface ChangedSetting {
  readonly path: string;
  readonly before: unknown;
  readonly now: unknown;
}

/** All settings that differ, by their path; those that are free are left out. */
export function changedSettings(before: unknown, now: unknown, path = ""): ChangedSetting[] {
  if (FREE_SETTINGS.includes(path) || isDeepStrictEqual(before, now)) return [];
  if (!isMap(before) || !isMap(now)) return [{ path, before, now }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return keys.flatMap((key) => changedSettings(before[key], now[key], path === "" ? key : `${path}.${key}`));
}

/**
 * Refuses to go on with a changed configuration, unless every changed setting is `allowed` by its path or that of a mapping around it.
 * @param before the configuration in the checkpoint, as JSON.
 * @throws ChangedConfigError naming every setting with both values.
 */
export function refuseChanges(before: string, now: object, allowed: readonly string[], folder: string): void {
  const isAllowed = ({ path }: ChangedSetting): boolean =>
    allowed.some((name) => path === name || path.startsWith(`${name}.`));
  // Through JSON, so that both sides lack what is undefined.
  const all = changedSettings(JSON.parse(before), JSON.parse(JSON.stringify(now)));
  const fixed = all.find((item) => FIXED_SETTINGS.includes(item.path) && isAllowed(item));
  if (fixed) {
    const way = "put it back, or begin a run in another folder (initialise.from)";
    const values = `${show(fixed.before)} before, ${show(fixed.now)} now`;
    throw new ChangedConfigError(`${folder}: ${fixed.path} cannot change while a run goes on: ${values}; ${way}`);
  }
  const changed = all.filter((item) => !isAllowed(item));
  if (changed.length === 0) return;
  const lines = changed.map(({ path, before, now }) => `  ${path}: ${show(before)} before, ${show(now)} now`);
  const names = changed.map(({ path }) => `--allow-change ${path}`).join(" ");
  throw new ChangedConfigError(
    [`${folder}: the run was begun with other settings`, ...lines, `  put them back, or go on with ${names}`].join(
      "\n",
    ),
  );
}

const show = (value: unknown): string => (value === undefined ? "absent" : JSON.stringify(value));

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
