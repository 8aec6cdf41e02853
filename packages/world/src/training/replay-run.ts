// Looks into a step that a run left out, with the run's own data and networks.
import path from "node:path";
import { manualSeed, setNumThreads } from "@vid2world/torch";
import { checkInputs } from "./check-inputs.js";
import type { TrainingConfig } from "./config.js";
import { prepareRun } from "./prepared-run.js";
import { type Replay, replayStep } from "./replay.js";
import type { RunOptions } from "./run.js";

/** The folder of the run that kept a file in its `instability/`. */
export const runOfReplay = (file: string): string => path.dirname(path.dirname(path.resolve(file)));

/**
 * Takes the step once more whose weights a run kept in `file`, on one process. `config` is the run's (`config.yaml` in its folder); another
 * precision or device may be tried. Reads the data first, and encodes latents that are not stored.
 */
export async function replayRun(
  config: TrainingConfig,
  file: string,
  options: Pick<RunOptions, "signal" | "onEvent"> = {},
): Promise<Replay> {
  const { seed, threads } = config.training;
  if (threads !== undefined) setNumThreads(threads);
  const data = await checkInputs(config, options.onEvent);
  manualSeed(seed);
  const run = await prepareRun(config, data, { ...options, folder: runOfReplay(file) });
  try {
    return await replayStep(run.objective, config.training, file);
  } finally {
    await run.close();
  }
}
