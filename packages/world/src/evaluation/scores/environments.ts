// What the published evaluation scores in each domain: which frames of a clip, cropped and resized how, and by which networks.
import { invalid } from "@vid2world/formats";
import type { LpipsTrunk } from "../metrics/lpips.js";

/** Names that `--env` takes: the published ones, and `own` for anything else. */
export const environmentNames = ["rt1", "csgo", "recon_time", "recon_rollout", "own"] as const;
/** One of {@link environmentNames}. */
export type EnvironmentName = (typeof environmentNames)[number];

/** Pictures are cut around their middle to `crop`, then resized bilinearly (no antialiasing, corners not aligned) to `size`. */
export interface ScoredView {
  readonly crop: readonly [height: number, width: number];
  readonly size: readonly [height: number, width: number];
}

/** Frames that are scored together. */
export interface ScoredPart {
  /** What a report calls them; empty where there is but one part. */
  readonly name: string;
  /** Numbers of the frames (from 0) of a clip of `frames`, for everything that scores pictures. */
  readonly pictures: (frames: number) => readonly number[];
  /** The same for FVD; absent: not scored. */
  readonly clip?: (frames: number) => readonly number[];
}

/** One row of the published protocol. */
export interface Environment {
  readonly title: string;
  /** Clips that the published evaluation wants; absent: any number. */
  readonly clips?: number;
  /** Clips whose scores are averaged together first, in the published protocol. */
  readonly batch: number;
  /** Fewest frames of a clip. */
  readonly frames: number;
  readonly view?: ScoredView;
  readonly parts: readonly ScoredPart[];
  readonly lpips: LpipsTrunk;
}

const last =
  (count: number) =>
  (frames: number): readonly number[] =>
    Array.from({ length: Math.min(count, frames) }, (_, i) => frames - Math.min(count, frames) + i);
/** Frame number `one`, counted from 1. */
const only = (one: number) => (): readonly number[] => [one - 1];

const recon = { batch: 64, view: { crop: [320, 320], size: [224, 224] }, lpips: "alex" } as const;

/** All environments. Numbers of clips and frames, crops and networks are those of the published evaluation. */
export const environments: Readonly<Record<EnvironmentName, Environment>> = {
  rt1: {
    ...{ title: "RT-1", clips: 1024, batch: 64, frames: 16, lpips: "vgg" },
    parts: [{ name: "", pictures: last(16), clip: last(16) }],
  },
  csgo: {
    ...{ title: "CS:GO", clips: 500, batch: 64, frames: 12, lpips: "vgg" },
    view: { crop: [275, 512], size: [150, 280] },
    parts: [{ name: "", pictures: last(12), clip: last(12) }],
  },
  recon_time: {
    ...{ title: "RECON, scores per time", clips: 500, frames: 16, ...recon },
    parts: [{ name: "", pictures: last(1), clip: last(16) }],
  },
  recon_rollout: {
    ...{ title: "RECON, rollouts", clips: 150, frames: 20, ...recon },
    parts: [8, 12, 20].map((frame) => ({ name: `frame ${frame}`, pictures: only(frame) })),
  },
  own: {
    ...{ title: "own clips", batch: 64, frames: 1, lpips: "vgg" },
    parts: [{ name: "", pictures: last(Infinity), clip: last(Infinity) }],
  },
};

/** The clips to score of `found` sorted names: all where their number is the protocol's, `wanted` where that is said. */
export function chooseClips<T>(
  environment: Environment,
  found: readonly T[],
  wanted: number | undefined,
): readonly T[] {
  const { clips, title } = environment;
  if (wanted !== undefined) {
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > found.length)
      throw invalid("n", `1 to ${found.length}, the number of clips in the folder`, wanted);
    return found.slice(0, wanted);
  }
  if (clips === undefined || found.length === clips) return found;
  throw invalid(
    "clips",
    `${clips}, as the published evaluation of ${title} scores; pass --n ${Math.min(found.length, clips)} to score the first ones all the same`,
    `${found.length} in the folder`,
  );
}
