// Goes through all training data before it costs a week of training: reads every frame, compares frames with actions.
//   T frames
import { FormatError } from "@vid2world/formats";
import { frameTimes, irregularities } from "../import/frame-times.js";
import { estimateLag, type LagEpisode, type LagResult } from "./action-lag.js";
import { constantChannels, constantEpisode, notFinite, outOfRange } from "./check-actions.js";
import { missingEpisodes, missingSentence } from "./missing-episodes.js";
import { motionBetween, MOTION_NAMES, shrink, type SmallFrame } from "./motion.js";
import type { Survey, SurveyEpisode } from "./survey.js";

/** Something that was found. An error makes its episode unfit for training; a warning is for a person to judge. */
export interface Finding {
  readonly severity: "error" | "warning";
  /** Names file and row or frame. */
  readonly message: string;
  /** What would be put into quarantine; empty for warnings and for what concerns all episodes. */
  readonly parts: readonly string[];
}

/** How a check is run. */
export interface CheckOptions {
  /** List of names that should be there, JSON or one a line. */
  readonly list?: string | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** What a check found. */
export interface CheckReport {
  readonly findings: readonly Finding[];
  readonly episodes: number;
  readonly frames: number;
  /** Undefined if there is too little motion or action to tell. */
  readonly lag: LagResult | undefined;
  /** No error, and something to train on. */
  readonly fit: boolean;
}

/** Equal frames in a row below which nothing is said, in seconds and frames: people do stand still. */
const FROZEN = { seconds: 1, frames: 5 };
/** Single frames that repeat the one before although something is done: so many, and so large a share, come from another frame rate. */
const REPEATED = { frames: 3, share: 0.05 };
/** Transitions that are enough to compare lags; more would only take memory. */
const LAG_TRANSITIONS = 50_000;
/** Findings of one kind in one video that are listed. */
const LISTED = 3;

/** Checks everything that {@link openSurvey} opened. */
export async function checkData(survey: Survey, { list, signal, onProgress }: CheckOptions = {}): Promise<CheckReport> {
  const findings: Finding[] = survey.broken.map(({ error, parts }) => ({
    severity: "error",
    message: error.message,
    parts,
  }));
  const warn = (message: string): void => void findings.push({ severity: "warning", message, parts: [] });
  const missing = list && missingSentence(list, await missingEpisodes(list, survey));
  if (missing) warn(missing);
  const total = survey.episodes.reduce((sum, { frames }) => sum + frames, 0);
  const moving: LagEpisode[] = [];
  let [done, transitions] = [0, 0];
  for (const episode of survey.episodes) {
    const error = notFinite(survey, episode) ?? outOfRange(survey, episode);
    if (error !== undefined) findings.push({ severity: "error", message: error, parts: episode.parts });
    constantEpisode(episode).forEach(warn);
    try {
      (await timing(survey, episode)).forEach(warn);
      const { motions, frozen } = await watch(survey, episode, (frames) => {
        signal?.throwIfAborted();
        onProgress?.({ done: done + frames, total });
      });
      frozen.forEach(warn);
      if (error === undefined && transitions < LAG_TRANSITIONS) moving.push({ motions, actions: episode.actions });
      transitions += motions.length;
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause;
      findings.push({ severity: "error", message: cause.message, parts: episode.parts });
    }
    done += episode.frames;
  }
  constantChannels(survey).forEach(warn);
  splits(survey).forEach(warn);
  const lag = estimateLag(moving);
  if (lag?.suspicious === true) warn(lagMessage(survey, lag));
  const broken = new Set(findings.flatMap(({ parts }) => parts));
  const usable = survey.episodes.filter(({ parts }) => !parts.some((part) => broken.has(part)));
  const fit = findings.every(({ severity }) => severity !== "error") && usable.length > 0;
  return { findings, episodes: survey.episodes.length, frames: total, lag, fit };
}

/** Goes through the frames once, keeping two. */
async function watch(
  { height, width, fps = 10 }: Survey,
  { file, actions, pictures, frames }: SurveyEpisode,
  onFrame: (count: number) => void,
): Promise<{ motions: number[][]; frozen: string[] }> {
  const motions: number[][] = [];
  const frozen: string[] = [];
  let before: { bytes: Uint8Array; small: SmallFrame } | undefined;
  let since = 0; // first of the equal frames that end here
  let count = 0;
  let repeated = 0;
  const endRun = (end: number): void => {
    const length = end - since;
    if (length === 2 && actions[since]?.some((value) => value !== 0) === true) repeated++;
    const changing = actions.slice(since, end).some((row, _, [first]) => row.some((value, i) => value !== first?.[i]));
    if (length < Math.max(FROZEN.frames, FROZEN.seconds * fps) || !changing) return;
    frozen.push(`${file}: frames ${since} to ${end - 1} are equal although the actions change; the picture froze`);
  };
  for await (const bytes of pictures()) {
    const equal = before !== undefined && Buffer.compare(before.bytes, bytes) === 0;
    const small: SmallFrame = equal && before !== undefined ? before.small : shrink(bytes, height, width);
    if (before !== undefined) motions.push([...motionBetween(before.small, small)]);
    if (!equal) {
      endRun(count);
      since = count;
    }
    before = { bytes, small };
    onFrame(++count);
  }
  endRun(count);
  if (repeated >= REPEATED.frames && repeated > REPEATED.share * count)
    frozen.push(
      `${file}: ${repeated} of ${count} frames repeat the one before and the next one moves on; recorded or converted at another frame rate, which shifts the actions`,
    );
  if (count !== frames) throw new FormatError(file, `announces ${frames} frames, but ${count} could be read`);
  return { motions, frozen: shortList(frozen) };
}

/** Frames of a video that are not evenly spaced. */
async function timing({ fps }: Survey, { video }: SurveyEpisode): Promise<string[]> {
  if (video === undefined || fps === undefined) return [];
  const uneven = irregularities(await frameTimes(video), fps);
  return shortList(
    uneven.map(
      ({ frame, gap }) =>
        `${video}: frame ${frame} comes ${gap.toFixed(3)} s after the one before it, not ${(1 / fps).toFixed(3)} s; frames were dropped, or its rate varies`,
    ),
  );
}

function splits({ episodes, folder }: Survey): string[] {
  const marked = episodes.filter(({ split }) => split !== undefined);
  if (marked.length === 0) return [];
  return (["train", "val"] as const)
    .filter((split) => marked.every((episode) => episode.split !== split))
    .map(
      (split) =>
        `${folder}: no clip is marked "${split}"; ${split === "train" ? "there is nothing to train on" : "there is nothing to validate on"}`,
    );
}

function lagMessage({ folder }: Survey, { best, explained, lags, motion }: LagResult): string {
  const percent = (lag: number): string => `${((explained[lags.indexOf(lag)] ?? 0) * 100).toFixed(1)} %`;
  const kind = MOTION_NAMES[motion] ?? "motion";
  const direction =
    best > 0
      ? `late by ${best}: remove the first ${best} rows`
      : `early by ${-best}: add ${-best} rows at the beginning`;
  return (
    `${folder}: actions[t] should be what happens between frame t and t + 1, but the picture's movement (${kind}) is explained ` +
    `better by actions[t ${best > 0 ? "+" : "-"} ${Math.abs(best)}] (${percent(best)}) than by actions[t] (${percent(0)}); rows seem to be ${direction}`
  );
}

function shortList(messages: readonly string[]): string[] {
  const more = messages.length - LISTED;
  return more <= 0
    ? [...messages]
    : [...messages.slice(0, LISTED), `${messages[0]?.split(":")[0] ?? ""}: and ${more} more like these`];
}
