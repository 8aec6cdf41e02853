// The processes that train one model together, as the training loop sees them: every rank computes some of a step's micro batches,
// gradients are summed, and what depends on a clock or a signal is decided by all of them at once.
import type { Tensor } from "@vid2world/torch";

/** What a rank knows by itself before a step, and what all of them then go by. */
export interface Standing {
  /** Whether the run is to end here. Agreed: whether any rank wants that. */
  readonly stop: boolean;
  /** Minutes of training. Agreed: those of rank 0, whose clock is the run's. */
  readonly minutes: number;
  /** Whether a checkpoint is due. Agreed: what rank 0 says. */
  readonly save: boolean;
}

/** Sums the gradients of one set of parameters over all ranks, once for each optimiser step. */
export interface GradientReducer {
  /** Called before the rank's last backward pass of a step: from here on gradients travel as soon as they are complete. */
  start(): void;
  /** Resolves when every parameter's gradient is the sum over all ranks. */
  finish(): Promise<void>;
}

/**
 * The ranks of a run. All of them call the same methods in the same order; each call waits for the others, and fails on all of them
 * when one is gone.
 */
export interface Ranks {
  /** This process: 0 <= rank < count. Rank 0 writes the run's files. */
  readonly rank: number;
  readonly count: number;
  /** This rank's device, where it is another than the configuration's. */
  readonly device?: string;
  reducer(parameters: readonly Tensor[]): GradientReducer;
  agree(own: Standing): Promise<Standing>;
  /** Sums of numbers over all ranks, element by element. */
  sum(values: readonly number[]): Promise<readonly number[]>;
  /** Overwrites the tensors with those of another rank, by default rank 0. */
  share(tensors: readonly Tensor[], from?: number): Promise<void>;
  /** Resolves when every rank has come here. */
  barrier(): Promise<void>;
  /** Runs `body` on rank 0 and then on the others, for which it may have left files. */
  rootFirst<T>(body: () => Promise<T>): Promise<T>;
}

/** The one rank of a run in a single process: nothing to wait for. */
export const singleRank: Ranks = {
  rank: 0,
  count: 1,
  reducer: () => ({ start: () => {}, finish: async () => {} }),
  agree: (own) => Promise.resolve(own),
  sum: (values) => Promise.resolve(values),
  share: async () => {},
  barrier: async () => {},
  rootFirst: (body) => body(),
};

/**
 * The micro batches of one optimiser step that fall to a rank. They are numbered over the whole run, whoever computes them, so that
 * results do not depend on the number of ranks: stream = step * microBatches + i, and rank r takes every i = r modulo the number of ranks.
 * @example streamsOf(10, 4, { rank: 1, count: 2 }) // [41, 43]
 */
export function streamsOf(
  step: number,
  microBatches: number,
  { rank, count }: Pick<Ranks, "rank" | "count">,
): number[] {
  const streams: number[] = [];
  for (let i = rank; i < microBatches; i += count) streams.push(step * microBatches + i);
  return streams;
}
