// Saving by several ranks: rank 0 writes, and where the optimiser's state is split, all of them hand it theirs first.
import { type CheckpointKeeperOptions, createCheckpointKeeper } from "./checkpoint-keeper.js";
import type { RunPosition } from "./checkpoints.js";
import type { Ranks } from "./ranks.js";
import type { ShardedState } from "./sharded-optimizer.js";
import type { CheckpointWriteError } from "./write-checkpoint.js";

/** What a saver needs. */
export interface RunSaverOptions extends CheckpointKeeperOptions {
  readonly ranks: Ranks;
  readonly sharded?: ShardedState | undefined;
}

/** Saves a run. All ranks call `save`, `saveIfBest` and `finish`, at the same steps. */
export interface RunSaver {
  /** Whether a checkpoint is due; only rank 0 says so. */
  isDue(position: Pick<RunPosition, "step" | "minutes">): boolean;
  save(position: RunPosition): Promise<void>;
  /** Saves where a validation, of whichever rank, was the best so far. `whole`: nothing that the run measures is missing. */
  saveIfBest(
    position: RunPosition,
    metrics: Readonly<Record<string, number>> | undefined,
    whole: boolean,
  ): Promise<void>;
  /** The failure that is to end the run, on rank 0. */
  readonly failure: CheckpointWriteError | undefined;
  /** Saves what is not saved and waits for the disk. */
  finish(position: RunPosition): Promise<void>;
}

/** Prepares the folder on rank 0. */
export async function createRunSaver({ ranks, sharded, ...options }: RunSaverOptions): Promise<RunSaver> {
  const keeper = ranks.rank === 0 ? await createCheckpointKeeper(options) : undefined;
  /** Rank 0 holds the whole of a split state meanwhile. */
  const withWholeState = async (save: () => Promise<void> | undefined): Promise<void> => {
    await sharded?.gather();
    try {
      await save();
    } finally {
      sharded?.release();
    }
  };
  return {
    isDue: (position) => keeper?.isDue(position) === true,
    save: (position) => withWholeState(() => keeper?.save(position)),
    async saveIfBest(position, metrics, whole) {
      if (options.settings.keepBest === undefined) return;
      // Rank 0 alone may have measured something.
      const [measured = 0] = await ranks.sum([metrics === undefined ? 0 : 1]);
      if (measured > 0) await withWholeState(() => metrics && keeper?.saveIfBest(position, metrics, whole));
    },
    get failure() {
      return keeper?.failure;
    },
    finish: (position) => withWholeState(() => keeper?.finish(position)),
  };
}
