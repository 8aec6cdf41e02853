// Turns a TFDS folder of robot episodes into training data, a few episodes at a time: goes on past what is broken, skips what
// is done, and ends with a summary. What is written is up to the sink: published .npz files, or a recording.
import { availableParallelism } from "node:os";
import { FormatError } from "@vid2world/formats";
import { decodeExample } from "@vid2world/formats/tfrecord/example";
import { readTfRecords, type TfRecord } from "@vid2world/formats/tfrecord/tfrecord";
import { severalAtOnce } from "../several-at-once.js";
import { openRldsFolder, type RldsFolder, type RldsShard } from "./dataset-folder.js";
import { chooseFields, readEpisode, type EpisodeFields, type RldsEpisode } from "./episode.js";
import { knownDataset, RT1_DATASET } from "./known-datasets.js";
import { npzSink } from "./npz-sink.js";
import { recordingSink } from "./recording-sink.js";

/** What to convert, and into what. */
export interface ConvertRldsOptions {
  /** Folder of the dataset, or of many datasets. */
  readonly input: string;
  /** Episodes go into `<output>/<dataset>`, as the published converter has it. */
  readonly output: string;
  /** Published name of the dataset. Default: RT-1. */
  readonly dataset?: string;
  /** Published .npz files, or a recording, which is about five times smaller. Default "npz". */
  readonly format?: "npz" | "recordings";
  /** Field of the observation with the picture. Default: the published one of the dataset. */
  readonly imageKey?: string;
  /** Fields of a step that make the action, in order. Default: RT-1's six, or `action` if that is one field. */
  readonly action?: readonly string[];
  /** Steps a second, for recordings. Default: what is known of the dataset. */
  readonly fps?: number;
  /** Names of episodes (with or without .npz) that are never trained on, for recordings. */
  readonly heldOut?: ReadonlySet<string>;
  /** Stop after this many episodes were written. Default: all. */
  readonly maxEpisodes?: number;
  /** Throw at the first problem instead of going on. Default false. */
  readonly strict?: boolean;
  /** Episodes in work at once; decoding and compressing run in other threads. Default: one per core, at most four. */
  readonly atOnce?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ConvertProgress) => void;
}

/** How far a conversion is. */
export interface ConvertProgress {
  readonly done: number;
  readonly total: number;
}

/** How a conversion ended. */
export interface ConvertReport {
  readonly folder: string;
  readonly written: number;
  /** Were there already. */
  readonly skipped: number;
  readonly frames: number;
  /** Bytes of records read. */
  readonly bytes: number;
  /** One per episode or shard that could not be converted. */
  readonly problems: readonly FormatError[];
}

/** Where episodes go. Names are those of the published files, without their ending. */
export interface EpisodeSink {
  readonly folder: string;
  readonly has: (name: string) => boolean;
  readonly write: (name: string, split: string, episode: RldsEpisode) => Promise<void>;
  /** Called once when no episode is left. */
  readonly finish: () => Promise<void>;
}

/** The system's own pool has four threads. */
const MOST_AT_ONCE = 4;

/** Converts a dataset. Killed at any time and started again, it goes on and leaves the same bytes. */
export async function convertRlds(options: ConvertRldsOptions): Promise<ConvertReport> {
  const { dataset = RT1_DATASET, strict = false, maxEpisodes = Infinity, signal, onProgress } = options;
  const { atOnce = Math.min(MOST_AT_ONCE, availableParallelism()) } = options;
  const known = knownDataset(dataset);
  const source = await openRldsFolder(options.input, dataset);
  const fields = chooseFields(source.fields, { imageKey: options.imageKey ?? known.imageKey, action: options.action });
  const sink = await openSink(options, source, fields);
  const total = source.splits.reduce(
    (sum, { shards }) => sum + shards.reduce((n, { episodes }) => n + episodes.length, 0),
    0,
  );
  const report = { folder: sink.folder, written: 0, skipped: 0, frames: 0, bytes: 0 };
  const problems: { readonly place: number; readonly error: FormatError }[] = [];
  let place = 0; // of a record among all, so that problems are told in the order of the files
  const problem = (error: FormatError, at = place): void => {
    if (strict) throw error;
    problems.push({ place: at, error });
  };
  const finish = async (): Promise<ConvertReport> => {
    await sink.finish();
    return { ...report, problems: problems.sort((a, b) => a.place - b.place).map(({ error }) => error) };
  };
  const convert = async ({ shard, split, number, record }: EpisodeJob): Promise<void> => {
    const at = place++;
    report.bytes += record.data.length;
    try {
      const name = `${shard.file} record ${record.index}`;
      const episode = readEpisode(decodeExample(record.data, name, record.offset), fields, name, record.offset);
      await sink.write(episodeName(split, number), split, episode);
      report.written++;
      report.frames += episode.steps;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problem(error, at);
    }
  };
  // The first episode alone: it decides what others must agree with. In a strict run nothing after a broken one may be written.
  const running = severalAtOnce(() => (strict || report.written + report.skipped === 0 ? 1 : atOnce));
  let done = 0;
  try {
    for (const split of source.splits) {
      for (const shard of split.shards) {
        let seen = 0;
        for await (const { number, record } of shardRecords(shard, (name) => sink.has(name), split.name, problem)) {
          signal?.throwIfAborted();
          onProgress?.({ done: done + ++seen, total });
          if (record === undefined) {
            report.skipped++;
            continue;
          }
          await running.room();
          while (report.written + running.count >= maxEpisodes && running.count > 0) await running.one();
          if (report.written >= maxEpisodes) return await finish();
          running.add(convert({ shard, split: split.name, number, record }));
        }
        done += shard.episodes.length;
      }
    }
    await running.all();
  } finally {
    await running.settled();
  }
  return finish();
}

interface EpisodeJob {
  readonly shard: RldsShard;
  readonly split: string;
  readonly number: number;
  readonly record: TfRecord;
}

/** The published file name, without its ending: "train_eps_00000017". */
export function episodeName(split: string, number: number): string {
  return `${split}_eps_${String(number).padStart(8, "0")}`;
}

async function openSink(options: ConvertRldsOptions, source: RldsFolder, fields: EpisodeFields): Promise<EpisodeSink> {
  const { output, dataset = RT1_DATASET, format = "npz", heldOut = new Set<string>() } = options;
  if (format === "npz") return npzSink(output, dataset);
  return recordingSink({ output, dataset, source, fields, fps: options.fps ?? knownDataset(dataset).fps, heldOut });
}

/** The records of a shard with their episode numbers; one that is converted already comes without its record. */
async function* shardRecords(
  shard: RldsShard,
  has: (name: string) => boolean,
  split: string,
  problem: (error: FormatError) => void,
): AsyncGenerator<{ number: number; record: TfRecord | undefined }, void> {
  const isDone = (number: number): boolean => has(episodeName(split, number));
  if (shard.episodes.every(isDone)) {
    for (const number of shard.episodes) yield { number, record: undefined };
    return;
  }
  if (!shard.present) {
    problem(new FormatError(shard.file, `missing; dataset_info.json promises ${shard.episodes.length} episodes in it`));
    return;
  }
  let found = 0;
  try {
    const onDamaged = (error: FormatError): void => {
      found++;
      problem(error);
    };
    for await (const record of readTfRecords(shard.file, { onDamaged })) {
      found++;
      const number = shard.episodes[record.index];
      if (number === undefined) break;
      yield { number, record: isDone(number) ? undefined : record };
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    problem(error);
    return;
  }
  if (found === shard.episodes.length) return;
  const more = found > shard.episodes.length ? "more records than" : `${found} records, not`;
  problem(new FormatError(shard.file, `${more} the ${shard.episodes.length} that dataset_info.json promises`));
}
