// Batches of clips in the order of the dataset, decoded ahead of use by worker threads. The position can be saved and
// resumed exactly: a resumed run sees the batches that the run without interruption would have seen.
//   B clips of a batch, T frames, H rows, W columns, C = 3 colours, A network inputs per action
import { invalid } from "@vid2world/formats";
import { createBatchMemory, type BatchMemory, type ClipPlace } from "./batch-memory.js";
import { clipBytes } from "./clip-files.js";
import { createClipReader } from "./clip-reader.js";
import { BrokenDataError, type BrokenLimits, brokenEpisodes, type SkippedEpisode } from "./broken-episodes.js";
import type { ClipRef, Dataset } from "./dataset.js";
import { createDecodePool, FrameReadError, type SharedBytes } from "./decode-pool.js";

/**
 * Some clips. `actions_BTA[b][t]` is what is pressed between frame t and frame t + 1 of clip b. The frames are in memory that decoding
 * threads wrote to; disposing the batch (`using`) lets later batches use it again. Without that the garbage collector takes it.
 */
export interface Batch extends Disposable {
  readonly frames_BTHWC: SharedBytes;
  readonly actions_BTA: Float32Array<ArrayBuffer>;
  readonly batch: number;
  /** T; of a data set of every frame once less in an episode's last clip. */
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

/** How to make batches. */
export interface LoaderOptions extends BrokenLimits {
  /** B: clips of a batch. */
  readonly batch: number;
  /** Epochs until the end; the last batch may then be smaller. Default: no end. */
  readonly epochs?: number;
  /** Decoding threads. Default 2. */
  readonly workers?: number;
  /** Batches to read ahead. Default 2. */
  readonly prefetch?: number;
  /** Decoded episodes of recordings to keep in memory, in bytes; others are decoded for each clip. Default 1 GiB. */
  readonly cacheBytes?: number;
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
  /** Bytes of decoded episodes that are kept. */
  readonly cachedBytes: number;
  /** Bytes of batches that were had from the system: no more than those ahead and those that were not disposed. */
  readonly batchBytes: number;
  close(): Promise<void>;
}

interface Pending {
  readonly ref: ClipRef;
  readonly position: number;
  readonly place: ClipPlace;
  /** Actions, or what kept the clip from being read: awaited late, so that it must not reject. */
  readonly result: Promise<Float32Array | Error>;
}

/** A clip that was read. */
interface Read {
  readonly ref: ClipRef;
  readonly place: ClipPlace;
  readonly actions_TA: Float32Array;
}

/** Starts reading ahead and returns the source of batches. */
export function createLoader(dataset: Dataset, options: LoaderOptions): Loader {
  const { batch, epochs = Infinity, workers = 2, prefetch = 2, cacheBytes = 2 ** 30 } = options;
  const { rank = 0, ranks = 1 } = options;
  if (!Number.isInteger(batch) || batch < 1) throw invalid("batch", "a whole number >= 1", batch);
  if (!Number.isInteger(prefetch) || prefetch < 1) throw invalid("prefetch", "a whole number >= 1", prefetch);
  if (!(rank >= 0 && rank < ranks)) throw invalid("rank", `0 to ${ranks - 1}`, rank);
  if (dataset.everyFrameOnce && batch > 1) throw invalid("batch", "1, as clips differ in length", batch);
  checkState(dataset, options);

  const episodes = dataset.episodes.length + dataset.broken.length;
  const broken = brokenEpisodes(episodes, options);
  for (const { file, reason } of dataset.broken) broken.add(file, reason);
  const pool = createDecodePool(workers);
  const reader = createClipReader(dataset, pool, cacheBytes);
  const memory = createBatchMemory(batch, clipBytes(dataset, dataset.frames));
  const pending: Pending[] = [];
  let planned = options.state?.position ?? 0;
  let consumed = planned;
  let barren = 0;
  let closed = false;

  /**
   * Keeps `prefetch` batches in work, `taken` clips of the next one being there already. Places are given out here, in order, so decoding
   * speed cannot change them.
   */
  const plan = (taken = 0): void => {
    while (!closed && pending.length < prefetch * batch) {
      const number = planned * ranks + rank;
      const epoch = Math.floor(number / dataset.length);
      if (epoch >= epochs) return;
      const ref = dataset.inEpoch(epoch, number % dataset.length);
      const position = planned++;
      const place = memory.place((taken + pending.length) % batch);
      const target_THWC = place.frames_THWC.subarray(0, clipBytes(dataset, ref.frames));
      const read = reader.read(ref, target_THWC);
      const result = read.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
      pending.push({ ref, position, place, result });
    }
  };

  const take = async (): Promise<Batch | undefined> => {
    const clips: Read[] = [];
    let last = consumed;
    while (clips.length < batch) {
      if (closed) throw new Error("the loader is closed");
      plan(clips.length);
      const entry = pending.shift();
      if (entry === undefined) break;
      const result = await entry.result;
      last = entry.position + 1;
      if (result instanceof Error) {
        if (!(result instanceof FrameReadError)) throw result; // ours, not the file's
        // Each clip is judged by itself, so that a resumed run skips the same, whatever is known of the episode.
        broken.add(result.file, result.message);
        memory.breakOff();
        if (++barren > dataset.length) throw new BrokenDataError(broken.list, episodes); // nothing else for this rank
      } else {
        barren = 0;
        clips.push({ ref: entry.ref, place: entry.place, actions_TA: result });
      }
    }
    consumed = last;
    plan();
    return clips.length === 0 ? undefined : join(dataset, memory, clips);
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
      return broken.list;
    },
    get cachedBytes() {
      return reader.cachedBytes;
    },
    get batchBytes() {
      return memory.allocatedBytes;
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

function join(dataset: Dataset, batchMemory: BatchMemory, clips: readonly Read[]): Batch {
  const { frameSkip, height, width, actionWidth } = dataset;
  const frames = clips[0]?.ref.frames ?? dataset.frames;
  const { frames_BTHWC, memory } = batchMemory.join(clips.map(({ place }) => place));
  const actions_BTA = new Float32Array(clips.length * frames * actionWidth);
  clips.forEach(({ actions_TA }, b) => actions_BTA.set(actions_TA, b * frames * actionWidth));
  let held = true;
  return {
    frames_BTHWC: frames_BTHWC.subarray(0, clipBytes(dataset, clips.length * frames)),
    actions_BTA,
    batch: clips.length,
    frames,
    height,
    width,
    actionWidth,
    fps_B: Float32Array.from(clips, ({ ref }) => ref.episode.fps / frameSkip),
    clips: clips.map(({ ref }) => ref),
    [Symbol.dispose]() {
      if (held) batchMemory.giveBack(memory);
      held = false;
    },
  };
}
