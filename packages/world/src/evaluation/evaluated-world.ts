// What evaluation asks of a world: many starts at once, bytes in and bytes out. `world-model` fits it; tests use toy worlds.
// Axes: T frames, H height, W width, C colours (RGB bytes), A action channels.

/** One continuation that is asked for. */
export interface RolloutJob {
  /** The frames that are known, K*H*W*3 bytes with K the world's `contextFrames`. */
  readonly context_THWC: Uint8Array;
  /**
   * K - 1 + N rows of A numbers, as recordings hold them: row t is what is done at frame t and leads to frame t + 1, so row
   * K - 1 leads to the first predicted frame.
   */
  readonly actions_TA: Float32Array;
}

/** How jobs are run. */
export interface RolloutOptions {
  /** Frames to predict, N. */
  readonly frames: number;
  /** Job b of the batch draws its noise with `seed + b`; the same jobs and seed give the same bytes. */
  readonly seed: number;
  /** Denoising steps per frame; the world's own unless given. */
  readonly steps?: number;
  /** Called after each predicted frame of the whole batch, with the places of jobs whose frame is not finite, where the world knows. */
  readonly onFrame?: (frame: number, broken?: readonly number[]) => void;
  /** Ends the rollout between two frames. */
  readonly signal?: AbortSignal;
}

/** A world as evaluation sees it. */
export interface EvaluatedWorld {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  /** Frames that a rollout starts from, K. */
  readonly contextFrames: number;
  /** Numbers per action, A. */
  readonly actionWidth: number;
  /** Predicted continuations in the order of the jobs, N*H*W*3 bytes each. All jobs run as one batch. */
  rollout(jobs: readonly RolloutJob[], options: RolloutOptions): Promise<Uint8Array[]>;
}

/** What {@link rolloutAll} reports: predicted frames, counted over all jobs. */
export interface RolloutProgress {
  readonly done: number;
  readonly total: number;
}

/** Options of {@link rolloutAll}. */
export interface RolloutAllOptions extends Omit<RolloutOptions, "onFrame"> {
  /** Jobs per batch: what memory allows. */
  readonly batch?: number;
  readonly onProgress?: (progress: RolloutProgress) => void;
  /** Hears of every predicted frame that is not finite: its job and its number, both from 0. */
  readonly onBroken?: (job: number, frame: number) => void;
}

/**
 * Runs any number of jobs in batches. Job n draws its noise with `seed + n`, whatever the batch, so another `batch` changes the
 * result by rounding at most.
 */
export async function rolloutAll(
  world: EvaluatedWorld,
  jobs: readonly RolloutJob[],
  { batch = 16, onProgress, onBroken, seed, ...options }: RolloutAllOptions,
): Promise<Uint8Array[]> {
  const total = jobs.length * options.frames;
  const results: Uint8Array[] = [];
  for (let from = 0; from < jobs.length; from += batch) {
    const part = jobs.slice(from, from + batch);
    let done = from * options.frames;
    const onFrame = (frame: number, broken: readonly number[] = []): void => {
      for (const b of broken) onBroken?.(from + b, frame);
      done += part.length;
      onProgress?.({ done, total });
    };
    results.push(...(await world.rollout(part, { ...options, seed: seed + from, onFrame })));
  }
  return results;
}
