// When checkpoints are written, by whom, and which of them stay.
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { verifySafetensors } from "@vid2world/formats";
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
  /** Saves where a validation's metrics are the best so far and such a checkpoint is to stay. */
  saveIfBest(position: RunPosition, metrics: Readonly<Record<string, number>>): Promise<void>;
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
  let writing: Promise<void> = Promise.resolve();
  let lastError: CheckpointWriteError | undefined;

  const prune = async (): Promise<void> => {
    const files = await listCheckpoints(folder);
    const old = new Set(expired(files.map(stepOf), settings, best?.step));
    await Promise.all(files.filter((file) => old.has(stepOf(file))).map((file) => rm(file)));
  };
  const write = async (position: RunPosition): Promise<void> => {
    const file = checkpointFile(folder, position.step);
    const snapshot = phase("saving", () => takeSnapshot(parts, { position, config }));
    const bytes = snapshot.entries.reduce((sum, entry) => sum + entry.bytes.byteLength, 0);
    try {
      await (saveBeside ? writeSnapshotBeside : writeSnapshot)({ file, snapshot });
      await prune();
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
    async saveIfBest(position, metrics) {
      if (!keepBest) return;
      const value = metrics[keepBest.metric];
      if (value === undefined) {
        const message = `training.keepBest: the validation has no metric ${keepBest.metric}, only ${Object.keys(metrics).join(", ")}`;
        return onEvent({ type: "warning", message, step: position.step });
      }
      if (!isBetter(value, best, keepBest.mode)) return;
      await save(position);
      best = { step: position.step, metric: keepBest.metric, value };
      await writing; // so that best.json never names a file that is not there
      if (lastError === undefined) await writeBest(folder, best);
      await prune();
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
 * The newest checkpoint whose bytes are those that were written; undefined where there is none. Damaged ones are renamed to
 * `*.damaged`, so that they count for nothing any more, and `onEvent` is told.
 */
export async function findGoodCheckpoint(folder: string, onEvent: TrainingListener): Promise<string | undefined> {
  for (const file of (await listCheckpoints(folder)).reverse()) {
    try {
      // Files of versions that wrote no checksum are at least complete, and say where they stood.
      if (!(await verifySafetensors(file))) await readCheckpointFacts(file);
      return file;
    } catch (error) {
      await rename(file, `${file}.damaged`);
      const message = `${(error as Error).message}; set aside as ${path.basename(file)}.damaged, an older checkpoint is tried`;
      onEvent({ type: "warning", message });
    }
  }
  return undefined;
}
