// A whole training run from a configuration: its folder, its data, its model, the loop, and what it leaves behind.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { manualSeed, setNumThreads } from "@vid2world/torch";
import { saveConfig } from "../config/load.js";
import { checkInputs } from "./check-inputs.js";
import { listCheckpoints, readCheckpointFacts } from "./checkpoints.js";
import { refuseChanges } from "./config-changes.js";
import type { TrainingConfig } from "./config.js";
import { describeEnvironment } from "./environment.js";
import type { TrainingEvent, TrainingListener } from "./events.js";
import type { TrainingData } from "./load-episodes.js";
import type { ProfileRequest } from "./profile.js";
import type { RolloutScorer } from "./rollout-validation.js";
import { prepareRun } from "./prepared-run.js";
import { singleRank } from "./ranks.js";
import type { Ranks } from "./ranks.js";
import { openSinks } from "./sinks/open-sinks.js";
import { train } from "./trainer.js";

/** Where a run writes and how it is watched and stopped. */
export interface RunOptions {
  /** The run's folder: config.yaml, metrics.jsonl, log.jsonl, tensorboard/, checkpoints/, and in the end the trained model. */
  readonly folder: string;
  /** Goes on from the newest checkpoint in the folder. */
  readonly resume?: boolean;
  /** Settings that may differ from those that the run was begun with; the harmless ones may always (config-changes.ts). */
  readonly allowChanges?: readonly string[];
  /** Measures where some steps' time goes. */
  readonly profile?: ProfileRequest | undefined;
  /** When aborted, the run saves a checkpoint, writes the model as it is, and ends. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: TrainingListener | undefined;
  /** Scores rollouts while training goes on; needed where the configuration has `validation`. */
  readonly scorer?: RolloutScorer | undefined;
  /** The processes that train together, each of which calls this; absent: this one alone. Only rank 0 writes files and tells events. */
  readonly ranks?: Ranks | undefined;
}

/** What a run left behind. */
export interface RunResult {
  /** False when the signal ended the run before its budget did. */
  readonly finished: boolean;
  readonly step: number;
  /** The trained model: a file (autoencoder, tiny-decoder) or a folder (base, world, distillation). */
  readonly output: string;
}

/** Thrown instead of mixing two runs in one folder. */
export class RunFolderError extends Error {
  override readonly name = "RunFolderError";
}

/**
 * Trains what `config` describes.
 * @example await runTraining(await loadConfig("configs/debug.yaml", trainingConfigSchema), { folder: "runs/debug" });
 */
export async function runTraining(config: TrainingConfig, options: RunOptions): Promise<RunResult> {
  const { folder, resume = false, ranks = singleRank } = options;
  const first = ranks.rank === 0;
  if (!resume && (await listCheckpoints(path.join(folder, "checkpoints"))).length > 0) {
    throw new RunFolderError(
      `${folder}: holds the checkpoints of a run; go on with it (--resume, \`resume: true\`) or give another folder`,
    );
  }
  if (resume) await checkUnchanged(config, options);
  const { threads, seed } = config.training;
  // The configuration itself, which files keep, names no rank's own device.
  const { device = config.training.device } = ranks;
  const here: TrainingConfig = { ...config, training: { ...config.training, device } };
  const early: TrainingEvent[] = [];
  const data = await checkInputs(here, (event) => early.push(event));
  if (first) {
    await mkdir(folder, { recursive: true });
    await saveConfig(path.join(folder, "config.yaml"), config);
  }
  if (threads !== undefined) setNumThreads(threads);
  const onEvent: TrainingListener = (first && options.onEvent) || (() => {});
  const sinks = first ? await openSinks(folder, config, onEvent) : undefined;
  const listener: TrainingListener = (event) => {
    sinks?.receive(event);
    onEvent(event);
  };
  try {
    listener({ type: "start", kind: config.kind, resume, ...(await describeEnvironment(device)) });
    early.forEach(listener);
    manualSeed(seed); // the first weights
    return await trainPrepared(here, data, JSON.stringify(config), { ...options, resume, onEvent: listener });
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    // Ended by the caller before the first step: the trainer itself ends without an error.
    if (options.signal?.aborted) listener({ type: "warning", message: `ended while preparing: ${message}` });
    else listener({ type: "failed", message, ...(stack !== undefined && { stack }) });
    throw error;
  } finally {
    await sinks?.close();
  }
}

async function trainPrepared(
  here: TrainingConfig,
  data: TrainingData,
  config: string,
  options: RunOptions,
): Promise<RunResult> {
  const { ranks = singleRank } = options;
  const first = ranks.rank === 0;
  const { objective, output, ...prepared } = await prepareRun(here, data, options);
  try {
    const rollouts = first ? await prepared.rollouts?.() : undefined;
    const { step, finished } = await train(objective, here.training, { ...options, config, rollouts });
    if (first) await prepared.save();
    return { step, finished, output };
  } finally {
    await prepared.close();
  }
}

/** Compares with the configuration in the newest checkpoint that can be read. */
async function checkUnchanged(config: TrainingConfig, { folder, allowChanges = [] }: RunOptions): Promise<void> {
  for (const file of (await listCheckpoints(path.join(folder, "checkpoints"))).reverse()) {
    const facts = await readCheckpointFacts(file).catch(() => undefined); // damaged: the trainer says so
    if (facts?.config !== undefined) refuseChanges(facts.config, config, allowChanges, folder);
    if (facts) return;
  }
}
