// What the published domains (RT-1, CS:GO, RECON, still images) and own recordings look like to whoever samples from them.
//   T frames of a clip, C = 3 (red, green, blue), H rows, W columns, A numbers per action
import { FormatError } from "@vid2world/formats";
import type { Tensor } from "@vid2world/torch";
import type { Channel } from "./action-space.js";
import type { ClipFiles } from "./clip-files.js";

/** Where the pictures and actions come from. */
export type DomainName = "rt1" | "csgo" | "recon" | "stills" | "recordings";

/** Which part of a data set: what is trained on, what is held out, or both. */
export type DomainSplit = "train" | "val" | "all";

/** Where a clip begins. A list of them is the same on every machine and in every run. */
export interface ClipStart {
  /** Name of the episode, without folder and ending: `train_eps_00000000`, `hdf5_dm_july2021_1`, ... */
  readonly name: string;
  /** Number of the first frame of the clip in its episode; context frames come first. */
  readonly start: number;
  /** Frames of the episode from `start` on at stride 1; Infinity for a still image, absent where the file must be opened to know it. */
  readonly available?: number;
}

/** A clip as the full-size networks take it. */
export interface DomainClip {
  /** Name of the episode. */
  readonly name: string;
  /** Number of the clip's first frame in its episode. */
  readonly start: number;
  /** float32 [T 3 H W] in -1..1, letterboxed as published (bars are -1). It belongs to the caller, who disposes it. */
  readonly frames_TCHW: Tensor;
  /** Action taken AT frame t, which leads to frame t + 1: [T A] row by row. The last row leads out of the clip. */
  readonly actions_TA: Float32Array;
  /** A: numbers per action. */
  readonly actionDim: number;
  /** Frames per second that the published networks are told: 3 for every published domain, whatever the camera did. */
  readonly fps?: number;
}

/** An opened set of episodes. */
export interface DomainSource {
  readonly domain: DomainName;
  /** A: numbers per action. */
  readonly actionDim: number;
  /** H and W of the clips' frames, bars included. */
  readonly size: { readonly height: number; readonly width: number };
  /** What evaluation starts from, in order: the published indices where they exist, otherwise by a stable hash of the name. */
  list(): readonly ClipStart[];
  /** Reads `frames` frames, every `stride`-th (default 1), and their actions. Errors name the file and what is wrong in it. */
  read(start: ClipStart, frames: number, stride?: number): Promise<DomainClip>;
  /** Closes open files. */
  close(): Promise<void>;
}

/** An episode as training sees it. */
export interface DomainEpisode {
  readonly name: string;
  readonly frames: number;
  /** From where a decoding thread reads its clips as bytes. */
  readonly files: ClipFiles;
}

/** A source whose episodes can also be gone through as a whole. */
export interface EpisodeSource extends DomainSource {
  /** What the numbers of an action mean. */
  readonly channels: readonly Channel[];
  /** Episodes that a list of names (a split, published indices) asks for, but that are not in the folder. */
  readonly missing: readonly string[];
  /** All episodes of the split with their lengths; files are opened to count. */
  episodes(): Promise<readonly DomainEpisode[]>;
  /** Actions of a whole episode, [T A] row by row. */
  actions(name: string): Promise<Float32Array>;
}

/** What the openers of all domains take. */
export interface EpisodeSourceOptions {
  /** Size of the frames, bars included, by the rule of the published transform. Default 320x512. */
  readonly size?: { readonly height: number; readonly width: number };
  /** Told about each file that cannot be read, which is then left out. Default: such a file is an error. */
  readonly onBroken?: (error: FormatError) => void;
}

/** What `read` gives; undefined where the file is broken and somebody is told about it. */
export async function unlessBroken<T>(
  read: () => T | Promise<T>,
  { onBroken }: EpisodeSourceOptions,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (onBroken === undefined || !(error instanceof FormatError)) throw error;
    onBroken(error);
    return undefined;
  }
}

/** What every published data set gives to the networks as frames per second. */
export const PUBLISHED_FPS = 3;
