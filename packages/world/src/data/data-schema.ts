// The `data` part of a training configuration, and opening what it names.
import { resolve } from "node:path";
import { z } from "zod";
import { createDataset, type Dataset } from "./dataset.js";
import type { LoaderOptions } from "./loader.js";
import type { Split } from "./recording-format.js";
import { openRecording } from "./recording.js";

const whole = z.int().min(1);

/** Which recordings, which clips, and how they are read. */
export const dataSchema = z.strictObject({
  /** Folders of recordings, relative to the folder that the caller of openDataset names. */
  recordings: z.array(z.string().min(1)).min(1),
  /** T: frames of a clip. */
  frames: whole,
  /** Distance in the recording between neighbouring frames of a clip. */
  frameSkip: whole.default(1),
  /** Distance in the recording between the starts of neighbouring clips. */
  clipStride: whole.default(1),
  /** Picture size that the network sees: larger is filled by repeating the edge, smaller is cut from the centre. */
  height: whole,
  width: whole,
  /** B: clips of a batch of one process. */
  batch: whole.default(1),
  shuffleSeed: z.int().min(0).default(0),
  workers: whole.default(2),
  prefetch: whole.default(2),
  /** Decoded frames to keep in memory, in MiB. */
  cacheMegabytes: z.number().min(0).default(1024),
  maxBrokenShare: z.number().min(0).max(1).default(0.1),
});

/** Checked `data` part of a configuration. */
export type DataConfig = z.infer<typeof dataSchema>;

/** Opens the recordings and lists the clips of one split: shuffled for training, in order for validation. */
export async function openDataset(config: DataConfig, split: Split, { folder = "." } = {}): Promise<Dataset> {
  const recordings = await Promise.all(config.recordings.map((path) => openRecording(resolve(folder, path))));
  const { frames, frameSkip, clipStride, shuffleSeed } = config;
  const order = split === "train" ? { shuffleSeed } : {};
  return createDataset(recordings, { split, frames, frameSkip, clipStride, ...order });
}

/** The loader's part of the configuration. */
export function loaderOptions(config: DataConfig): LoaderOptions {
  const { batch, workers, prefetch, cacheMegabytes, maxBrokenShare } = config;
  return { batch, workers, prefetch, cacheBytes: cacheMegabytes * 2 ** 20, maxBrokenShare };
}
