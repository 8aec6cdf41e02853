// What a folder of training data is, seen alike for every format: episodes with frames and actions, and what is unreadable.
//   T frames, H rows, W columns, C = 3 colours
import { readdir } from "node:fs/promises";
import { FormatError } from "@vid2world/formats";
import { findDataset, whatElse } from "../find-dataset.js";
import { surveyCsgo } from "./survey-csgo.js";
import { surveyEpisodeArrays } from "./survey-npz.js";
import { surveyRecon } from "./survey-recon.js";
import { surveyRecording } from "./survey-recording.js";

/** One episode; the frames are read only when they are asked for. */
export interface SurveyEpisode {
  readonly name: string;
  /** File of the actions, for messages. */
  readonly file: string;
  readonly split: "train" | "val" | undefined;
  readonly frames: number;
  /** One row per frame, one value per channel; possibly made anew at every look. */
  readonly actions: readonly (readonly number[])[];
  /** The video file, where there is one. */
  readonly video: string | undefined;
  /** Frames [H W 3] in order. */
  readonly pictures: () => AsyncIterable<Uint8Array>;
  /** Files and folders that make the episode, for quarantine. */
  readonly parts: readonly string[];
}

/** An episode that cannot be opened. */
export interface BrokenEpisode {
  readonly error: FormatError;
  readonly parts: readonly string[];
}

/** A channel of the actions. */
export interface SurveyChannel {
  readonly name: string;
  readonly kind: "continuous" | "binary" | "choice";
  /** Range that is declared, where one is. */
  readonly range: readonly [number, number] | undefined;
}

/** A folder of training data. */
export interface Survey {
  readonly folder: string;
  /** For people: "a recording (vid2world-recording/1)". */
  readonly kind: string;
  readonly fps: number | undefined;
  readonly height: number;
  readonly width: number;
  readonly channels: readonly SurveyChannel[];
  readonly episodes: readonly SurveyEpisode[];
  readonly broken: readonly BrokenEpisode[];
}

/** Opens a folder that can be trained on: a recording, published .npz files, CS:GO, RECON. Others are named, with what to do. */
export async function openSurvey(folder: string): Promise<Survey> {
  const found = await findDataset(folder);
  switch (found?.domain) {
    case "recordings":
      return surveyRecording(found.folder);
    case "rt1":
      return surveyEpisodeArrays(found.folder, await readdir(found.folder));
    case "csgo":
      return surveyCsgo(found.folder);
    case "recon":
      return surveyRecon(found.folder);
    case undefined:
      throw new FormatError(folder, await whatElse(folder));
  }
}
