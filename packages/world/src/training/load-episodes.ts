// Opens what a configuration names as data: recordings on disk or the invented ones.
import path from "node:path";
import { invalid } from "@vid2world/formats";
import type { Channel } from "../data/action-space.js";
import { PUBLISHED_FPS } from "../data/domain-clip.js";
import { openRecording, readClip } from "../data/recording.js";
import type { Episode } from "../data/recording.js";
import type { TrainingConfig } from "./config.js";
import { domainEpisodes, type DomainDataConfig } from "./domain-episodes.js";
import type { TrainingEpisode } from "./episodes.js";
import type { TrainingListener } from "./events.js";
import type { PictureSize } from "../data/transforms.js";
import { SYNTHETIC_CHANNELS, type SyntheticConfig, syntheticEpisodes } from "./synthetic.js";

/** Bytes of frames that are decoded at once: a decoder starts anew, from a key frame, for every read. */
const DECODED_BYTES = 64e6;
/** Frames that are handed on at once. */
const PIECE_FRAMES = 50;

/** The data of a run. */
export interface TrainingData {
  readonly training: readonly TrainingEpisode[];
  /** Never trained on; empty where the configuration names no validation split. */
  readonly validation: readonly TrainingEpisode[];
  readonly channels: readonly Channel[];
  readonly fps: number;
  /** Size of the recorded frames. */
  readonly frame: PictureSize;
  /** Size that the networks work on. */
  readonly padded: PictureSize;
  /** Absolute path of the recording; absent for invented data. */
  readonly recordings?: string;
}

/** Opens the recordings of a configuration; pictures are read later. What is left out or missing is told as warnings. */
export async function loadEpisodes(
  { data }: Pick<TrainingConfig, "data">,
  onEvent?: TrainingListener,
): Promise<TrainingData> {
  const opened = await openData(data, (message) => onEvent?.({ type: "warning", message }));
  const [first] = opened.training;
  if (!first) throw invalid("data.split", `a split that has episodes`, "split" in data ? data.split : "none");
  const { height, width } = first;
  const { paddedHeight = height, paddedWidth = width } = "domain" in data ? {} : data; // published frames have bars instead
  return { ...opened, frame: { height, width }, padded: { height: paddedHeight, width: paddedWidth } };
}

type Opened = Omit<TrainingData, "frame" | "padded">;

function openData(data: TrainingConfig["data"], onWarning: (message: string) => void): Opened | Promise<Opened> {
  if ("synthetic" in data) return openSynthetic(data.synthetic);
  return "domain" in data ? openPublished(data, onWarning) : openRecordings(data);
}

async function openPublished(data: DomainDataConfig, onWarning: (message: string) => void): Promise<Opened> {
  return { ...(await domainEpisodes(data, onWarning)), fps: PUBLISHED_FPS };
}

function openSynthetic(config: SyntheticConfig): Opened {
  const validation = syntheticEpisodes({ ...config, episodes: config.validationEpisodes, seed: config.seed + 1 });
  return { training: syntheticEpisodes(config), validation, channels: SYNTHETIC_CHANNELS, fps: 8 };
}

async function openRecordings(data: Extract<TrainingConfig["data"], { recordings: string }>): Promise<Opened> {
  const { episodes, header } = await openRecording(data.recordings);
  const of = (split: string | undefined): TrainingEpisode[] =>
    episodes.filter((episode) => episode.split === split).map(trainingEpisode);
  const { channels, fps } = header;
  const recordings = path.resolve(data.recordings);
  return { training: of(data.split), validation: of(data.validationSplit), channels, fps, recordings };
}

function trainingEpisode(episode: Episode): TrainingEpisode {
  const { name, frames, height, width, actions_TA, actionWidth, media, path, actionsFile } = episode;
  return {
    ...{ name, frames, height, width, actions_TA },
    files: { media, path, actionsFile, frames, height, width },
    actionDim: actionWidth,
    readClip: async (start, count) => (await readClip(episode, { start, end: start + count })).frames_THWC,
    async *readFrames() {
      const frameBytes = height * width * 3;
      const decoded = Math.max(PIECE_FRAMES, Math.floor(DECODED_BYTES / frameBytes));
      for (let start = 0; start < frames; start += decoded) {
        const clip = await readClip(episode, { start, end: Math.min(frames, start + decoded) });
        for (let first = 0; first < clip.frames; first += PIECE_FRAMES) {
          const end = Math.min(clip.frames, first + PIECE_FRAMES);
          yield { data: clip.frames_THWC.subarray(first * frameBytes, end * frameBytes), frames: end - first };
        }
      }
    },
  };
}
