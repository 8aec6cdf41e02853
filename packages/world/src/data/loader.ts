// Batches of clips in the order of the dataset, decoded ahead of use by worker threads. The position can be saved and
// resumed exactly: a resumed run sees the batches that the run without interruption would have seen.
//   B clips of a batch, T frames, H rows, W columns, C = 3 colours, A network inputs per action
import { invalid } from "@vid2world/formats";
import { createClipReader } from "./clip-reader.js";
import { clipActions, type ClipRef, type Dataset } from "./dataset.js";
import { createDecodePool, FrameReadError } from "./decode-pool.js";

/** Some clips. `actions_BTA[b][t]` is what is pressed between frame t and frame t + 1 of clip b. */
export interface Batch {
  readonly frames_BTHWC: Uint8Array<ArrayBuffer>;
  readonly actions_BTA: Float32Array<ArrayBuffer>;
  readonly batch: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly actionWidth: number;
  /** Frames per second of each clip, frame skip included. */
  readonly fps_B: Float32Array<ArrayBuffer>;
  readonly clips: readonly ClipRef[];
}

/** A place in the endless sequence of clips (epoch after epoch), as plain data for a checkpoint. */
export interface LoaderState {
  readonly fingerprint: string;
  /** Number of this rank's clips that were handed out or skipped, over all epochs. */
  readonly position: number;
  readonly rank: number;
  readonly ranks: number;
}

/** An episode that was left out because its pictures could not be read. */
export interface SkippedEpisode {
  readonly file: string;
  readonly reason: string;
  /** How many episodes were left out so far, this one included. */
  readonly skipped: number;
}

/** How to make batches. */
export interface LoaderOptions {
  /** B: clips of a batch. */
  readonly batch: number;
  /** Epochs until the end; the last batch may then be smaller. Default: no end. */
  readonly epochs?: number;
  /** Decoding threads. Default 2. */
  readonly workers?: number;
  /** Batches to read ahead. Default 2. */
  readonly prefetch?: number;
  /** Decoded episodes to keep in memory, in bytes; others are decoded for each clip. Default 1 GiB. */
  readonly cacheBytes?: number;
  /** Largest share of the episodes that may be unreadable before the run is stopped. Default 0.1, but one at least. */
  readonly maxBrokenShare?: number;
  /** Told about each episode that is left out. */
  readonly onSkip?: (skipped: SkippedEpisode) => void;
  /** This process's number and the number of processes that share the epoch. Default 0 of 1. */
  readonly rank?: number;
  readonly ranks?: number;
  /** Where to go on. Default: at the beginning. */
  readonly state?: LoaderState;
}

/** A source of batches. Close it, or hold it by `await using`. */
export interface Loader extends AsyncDisposable, AsyncIterable<Batch> {
  /** The next batch; undefined after the last epoch. */
  next(): Promise<Batch | undefined>;
  /** The place after the last batch that `next` returned. */
  state(): LoaderState;
  /** Episodes left out so far. */
  readonly skipped: readonly SkippedEpisode[];
  readonly cachedBytes: number;
  close(): Promise<void>;
}

/** Too many episodes of a dataset could not be read. */
export class BrokenDataError extends Error {
  override readonly name = "BrokenDataError";
  readonly skipped: readonly SkippedEpisode[];

  constructor(skipped: readonly SkippedEpisode[], episodes: number) {
    const listed = skipped.slice(0, 3).map(({ reason }) => reason);
    super(
      `recordings: ${skipped.length} of ${episodes} episodes cannot be read (${listed.join("; ")}); ` +
        `repair or remove these files, or raise maxBrokenShare`,
    );
    this.skipped = skipped;
  }
}

interface Pending {
  readonly ref: ClipRef;
  readonly position: number;
  /** Frames, or what kept them from being read: awaited late, so that it must not reject. */
  readonly result: Promise<Uint8Array | Error>;
}

/** Starts reading ahead and returns the source of batches. */
export function createLoader(dataset: Dataset, options: LoaderOptions): Loader {
  const { batch, epochs = Infinity, workers = 2, prefetch = 2, cacheBytes = 2 ** 30 } = options;
  const { maxBrokenShare = 0.1, onSkip, rank = 0, ranks = 1 } = options;
  if (!Number.isInteger(batch) || batch < 1) throw invalid("batch", "a whole number >= 1", batch);
  if (!Number.isInteger(prefetch) || prefetch < 1) throw invalid("prefetch", "a whole number >= 1", prefetch);
  if (!(rank >= 0 && rank < ranks)) throw invalid("rank", `0 to ${ranks - 1}`, rank);
  checkState(dataset, options);

  const pool = createDecodePool(workers);
  const reader = createClipReader(pool, cacheBytes);
  const allowed = Math.max(1, Math.floor(dataset.episodes.length * maxBrokenShare));
  const broken = new Map<string, SkippedEpisode>();
  const pending: Pending[] = [];
  let planned = options.state?.position ?? 0;
  let consumed = planned;
  let closed = false;

  /** Keeps `prefetch` batches in work. Places are given out here, in order, so decoding speed cannot change them. */
  const plan = (): void => {
    while (!closed && pending.length < prefetch * batch) {
      const place = planned * ranks + rank;
      const epoch = Math.floor(place / dataset.length);
      if (epoch >= epochs) return;
      const ref = dataset.inEpoch(epoch, place % dataset.length);
      const read = reader.read(ref, dataset.frames, dataset.frameSkip);
      const result = read.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
      pending.push({ ref, position: planned++, result });
    }
  };

  const skip = (error: Error): void => {
    if (!(error instanceof FrameReadError)) throw error; // ours, not the file's
    if (broken.has(error.file)) return;
    const skipped = { file: error.file, reason: error.message, skipped: broken.size + 1 };
    broken.set(error.file, skipped);
    onSkip?.(skipped);
    if (broken.size > allowed || broken.size === dataset.episodes.length) {
      throw new BrokenDataError([...broken.values()], dataset.episodes.length);
    }
  };

  const take = async (): Promise<Batch | undefined> => {
    const clips: { ref: ClipRef; frames_THWC: Uint8Array }[] = [];
    let last = consumed;
    while (clips.length < batch) {
      if (closed) throw new Error("the loader is closed");
      plan();
      const entry = pending.shift();
      if (entry === undefined) break;
      const result = await entry.result;
      last = entry.position + 1;
      if (result instanceof Error) skip(result);
      else clips.push({ ref: entry.ref, frames_THWC: result });
    }
    consumed = last;
    plan();
    return clips.length === 0 ? undefined : join(dataset, clips);
  };

  let turn: Promise<unknown> = Promise.resolve(); // two calls at once get two batches, in order
  const next = (): Promise<Batch | undefined> => {
    const result = turn.then(take);
    turn = result.catch(() => undefined);
    return result;
  };
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await pool.close();
  };

  plan();
  return {
    next,
    state: () => ({ fingerprint: dataset.fingerprint, position: consumed, rank, ranks }),
    get skipped() {
      return [...broken.values()];
    },
    get cachedBytes() {
      return reader.cachedBytes;
    },
    close,
    [Symbol.asyncDispose]: close,
    async *[Symbol.asyncIterator]() {
      for (let some = await next(); some !== undefined; some = await next()) yield some;
    },
  };
}

function checkState(dataset: Dataset, { state, rank = 0, ranks = 1 }: LoaderOptions): void {
  if (state === undefined) return;
  if (state.fingerprint !== dataset.fingerprint) {
    throw invalid("state", `one saved with the same clips (fingerprint ${dataset.fingerprint})`, state.fingerprint);
  }
  if (state.rank !== rank || state.ranks !== ranks) {
    throw invalid("state", `one saved by rank ${rank} of ${ranks}`, `rank ${state.rank} of ${state.ranks}`);
  }
}

function join(dataset: Dataset, clips: readonly { ref: ClipRef; frames_THWC: Uint8Array }[]): Batch {
  const { frames, frameSkip, height, width, actionWidth } = dataset;
  const frames_BTHWC = new Uint8Array(clips.length * frames * height * width * 3);
  const actions_BTA = new Float32Array(clips.length * frames * actionWidth);
  clips.forEach(({ ref, frames_THWC }, b) => {
    frames_BTHWC.set(frames_THWC, b * frames_THWC.length);
    actions_BTA.set(clipActions(ref, frames, frameSkip), b * frames * actionWidth);
  });
  return {
    frames_BTHWC,
    actions_BTA,
    batch: clips.length,
    frames,
    height,
    width,
    actionWidth,
    fps_B: Float32Array.from(clips, ({ ref }) => ref.episode.fps / frameSkip),
    clips: clips.map(({ ref }) => ref),
  };
}
