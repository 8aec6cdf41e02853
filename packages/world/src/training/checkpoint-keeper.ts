// When checkpoints are written, by whom, and which of them stay.
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { FormatError, verifySafetensors } from "@vid2world/formats";
import { checkpointFile, listCheckpoints, readCheckpointFacts, stepOf, takeSnapshot } from "./checkpoints.js";
import type { RunParts, RunPosition } from "./checkpoints.js";
import type { TrainingListener } from "./events.js";
import { phase, phaseBeside } from "./phases.js";
import { expired, isBetter, readBest, writeBest } from "./retention.js";
import type { RetentionSettings } from "./retention.js";
import { explainWriteError, writeSnapshot, writeSnapshotBeside } from "./write-checkpoint.js";
import type { CheckpointWriteError } from "./write-checkpoint.js";

/** Writes a run's checkpoints. */
export interface CheckpointKeeper {
  /** Whether one is due after this step of the loop. */
  isDue(position: Pick<RunPosition, "step" | "minutes">): boolean;
  /** Copies the state and writes it, beside the steps where the settings say so; waits for a write that is still going on. */
  save(position: RunPosition): Promise<void>;
  /** Saves where a validation's metrics are the best so far and such a checkpoint is to stay. `whole`: they are all that the run measures. */
  saveIfBest(position: RunPosition, metrics: Readonly<Record<string, number>>, whole: boolean): Promise<void>;
  /** The failure that is to end the run: a checkpoint was not written, and the settings say stop. */
  readonly failure: CheckpointWriteError | undefined;
  /** Saves what is not saved and waits for the disk. Throws when this last checkpoint could not be written. */
  finish(position: RunPosition): Promise<void>;
}

/** What a keeper needs. */
export interface CheckpointKeeperOptions {
  /** The folder of the checkpoints. */
  readonly folder: string;
  readonly parts: RunParts;
  readonly settings: RetentionSettings;
  /** Kept in every checkpoint. */
  readonly config?: string | undefined;
  readonly onEvent: TrainingListener;
  /** Where the run goes on from; absent: a new run. */
  readonly resumed?: RunPosition | undefined;
}

/** Prepares the folder: what a killed run left half written is deleted. */
export async function createCheckpointKeeper(options: CheckpointKeeperOptions): Promise<CheckpointKeeper> {
  const { folder, parts, settings, config, onEvent, resumed } = options;
  await mkdir(folder, { recursive: true });
  const left = (await readdir(folder)).filter((name) => /^\.step-.*\.tmp$/.test(name));
  await Promise.all(left.map((name) => rm(path.join(folder, name))));

  const { keepBest, saveBeside, onSaveFailure } = settings;
  let best = keepBest && (await readBest(folder, keepBest.metric));
  let saved = { step: resumed?.step ?? -1, minutes: resumed?.minutes ?? 0 };
  let missed = false;
  let writing: Promise<void> = Promise.resolve();
  let lastError: CheckpointWriteError | undefined;

  const prune = async (step: number): Promise<void> => {
    const files = await listCheckpoints(folder);
    const old = new Set(expired(files.map(stepOf), settings, best?.step));
    try {
      await Promise.all(files.filter((file) => old.has(stepOf(file))).map((file) => rm(file, { force: true })));
    } catch (error) {
      onEvent({ type: "warning", message: `an old checkpoint was not deleted: ${(error as Error).message}`, step });
    }
  };
  const write = async (position: RunPosition): Promise<void> => {
    const file = checkpointFile(folder, position.step);
    let bytes = 0;
    try {
      const snapshot = phase("saving", () => takeSnapshot(parts, { position, config }));
      bytes = snapshot.entries.reduce((sum, entry) => sum + entry.bytes.byteLength, 0);
      await (saveBeside ? writeSnapshotBeside : writeSnapshot)({ file, snapshot });
      await prune(position.step);
      lastError = undefined;
      onEvent({ type: "checkpoint", step: position.step, file });
    } catch (error) {
      const newest = (await listCheckpoints(folder)).at(-1);
      lastError = await explainWriteError(error, { file, bytes, newest });
      onEvent({ type: "warning", message: lastError.message, step: position.step });
    }
  };
  const save = async (position: RunPosition): Promise<void> => {
    await writing;
    if (saved.step === position.step) return;
    saved = position;
    writing = saveBeside ? phaseBeside("saving", () => write(position)) : phase("saving", () => write(position));
    if (!saveBeside) await writing;
  };

  return {
    isDue: ({ step, minutes }) =>
      step > 0 &&
      step !== saved.step &&
      (minutes - saved.minutes >= settings.checkpointMinutes ||
        step % (settings.checkpointSteps ?? Infinity) === 0 ||
        step % (settings.keepEverySteps ?? Infinity) === 0),
    save,
    async saveIfBest(position, metrics, whole) {
      if (!keepBest) return;
      const value = metrics[keepBest.metric];
      if (value === undefined) {
        if (!whole || missed) return;
        missed = true;
        const message = `training.keepBest: the validation has no metric ${keepBest.metric}, only ${Object.keys(metrics).join(", ")}`;
        return onEvent({ type: "warning", message, step: position.step });
      }
      if (!isBetter(value, best, keepBest.mode)) return;
      await save(position);
      best = { step: position.step, metric: keepBest.metric, value };
      await writing; // so that best.json never names a file that is not there
      if (lastError === undefined) await writeBest(folder, best);
      await prune(position.step);
    },
    get failure() {
      return onSaveFailure === "stop" ? lastError : undefined;
    },
    async finish(position) {
      await save(position);
      await writing;
      // One more try: space may have been freed since, and nothing else will save this step.
      if (lastError !== undefined) await write(position);
      if (lastError !== undefined) throw lastError;
    },
  };
}

/**
 * The newest checkpoint whose bytes are those that were written; undefined where there never was one. Damaged ones are renamed to
 * `*.damaged`, so that they count for nothing any more, and `onEvent` is told. A file that cannot be read is not damaged: that error is
 * thrown, and nothing is renamed.
 * @throws FormatError where there are checkpoints and all of them are damaged: to begin anew is not what was asked for.
 */
export async function findGoodCheckpoint(folder: string, onEvent: TrainingListener): Promise<string | undefined> {
  for (const file of (await listCheckpoints(folder)).reverse()) {
    try {
      // Files of versions that wrote no checksum are at least complete, and say where they stood.
      if (!(await verifySafetensors(file))) await readCheckpointFacts(file);
      return file;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      await rename(file, `${file}.damaged`);
      const message = `${error.message}; set aside as ${path.basename(file)}.damaged, an older checkpoint is tried`;
      onEvent({ type: "warning", message });
    }
  }
  const damaged = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".damaged"));
  if (damaged.length === 0) return undefined;
  const advice = "put a copy of one back under its name, or begin anew in another folder";
  throw new FormatError(folder, `every checkpoint is damaged (${damaged.join(", ")}); ${advice}`);
}
