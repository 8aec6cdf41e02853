// Does a world do as it is told? Five tests of one world: exchanged actions, no action, growing actions, opposite actions, and actions
// recovered from its pictures. Every number has an interval over starts and says in a line what it means.
// Axes: T frames, A action channels; frames are RGB bytes.
import { invalid } from "@vid2world/formats";
import { encodeActions, restRow } from "../../data/action-space.js";
import type { Recording } from "../../data/recording.js";
import { withConstantAction, withShuffledActions } from "../baselines.js";
import { type EvaluatedWorld, type RolloutAllOptions, type RolloutJob, rolloutAll } from "../evaluated-world.js";
import { readHeldOutClips } from "../held-out.js";
import { type Finding } from "../statistics/finding.js";
import { chooseStarts, type Start, usualSkip } from "../starts.js";
import { scalarChannels } from "./channel-effects.js";
import { counterfactualFindings } from "./counterfactual.js";
import { dosesOf } from "./doses.js";
import { openReference, type ReferenceOptions } from "./recording-reference.js";
import { fewest } from "./recovery.js";
import { recoveryFindings } from "./recovery-findings.js";
import { doseFindings, type DoseRollouts } from "./response.js";
import { stillnessFindings } from "./stillness.js";

/** What is tried. */
export interface ObedienceSuiteOptions extends Omit<RolloutAllOptions, "frames" | "onProgress"> {
  /** Starts in held-out clips, at least two. */
  readonly starts: number;
  /** Frames to predict from each start, at least three. */
  readonly frames: number;
  /** Horizontal field of view of the recordings in degrees, where it is known. */
  readonly fieldOfView?: number | undefined;
  readonly cacheFolder?: ReferenceOptions["cacheFolder"];
  /** What is being done, and how far it is. */
  readonly onProgress?: (what: "recordings" | "rollouts", done: number, total: number) => void;
}

/** What is found. */
export interface ObedienceReport {
  readonly format: "vid2world-obedience/1";
  readonly world: string;
  readonly recordings: { readonly name: string; readonly sha256: string };
  readonly seed: number;
  /** Denoising steps per frame; absent: the world's own. */
  readonly steps?: number;
  readonly fieldOfView?: number;
  readonly frames: number;
  readonly starts: readonly { readonly source: string; readonly frame: number }[];
  readonly findings: readonly Finding[];
  /** What could not be tried, and why. */
  readonly notes: readonly string[];
}

/** Frames under a constant action, at most: later ones look at what the world has made up. */
const mostDoseFrames = 5;

/** Runs all five tests. The same world, recordings and options give the same report. */
export async function measureActionObedience(
  world: EvaluatedWorld,
  recording: Recording,
  { starts: count, frames, fieldOfView, cacheFolder, onProgress, ...options }: ObedienceSuiteOptions,
): Promise<ObedienceReport> {
  if (count < 2) throw invalid("starts", "at least 2, to exchange their actions", count);
  if (frames < 3) throw invalid("frames", "at least 3, to see two movements", frames);
  const { channels } = recording.header;
  const { signal, seed, steps } = options;
  const held = await readHeldOutClips(recording, world, signal ? { signal } : {});
  using reference = await openReference(recording, {
    ...{ fieldOfView, cacheFolder, signal },
    onProgress: (done, total) => onProgress?.("recordings", done, total),
  });
  const known = world.contextFrames - 1;
  const starts = chooseStarts(held, {
    ...{ count, contextFrames: world.contextFrames, frames, seed, skip: usualSkip },
  });

  const clear = scalarChannels(channels).flatMap((scalar) => {
    const effect = reference.effects.find(({ channel }) => channel === scalar.channel.name);
    return effect ? [{ scalar, effect, doses: dosesOf(channels, scalar) }] : [];
  });
  const doseFrames = Math.min(frames, mostDoseFrames);
  const total = starts.length * (3 * frames + clear.reduce((sum, { doses }) => sum + doses.length, 0) * doseFrames);
  let finished = 0;
  const roll = async (jobs: readonly RolloutJob[], length = frames): Promise<Uint8Array[]> => {
    const onFrames = ({ done }: { done: number }): void => onProgress?.("rollouts", finished + done, total);
    const clips = await rolloutAll(world, jobs, { ...options, frames: length, onProgress: onFrames });
    finished += jobs.length * length;
    return clips;
  };
  const constant = (action_A: readonly number[]): RolloutJob[] =>
    starts.map((start) => withConstantAction(start, action_A, { known, frames }));

  const swappedJobs = withShuffledActions(starts, { known, actionWidth: world.actionWidth, seed });
  const [asTold, swapped] = [await roll(starts), await roll(swappedJobs)];
  const atRest = await roll(constant([...encodeActions(channels, [restRow(channels)])]));
  const tried: DoseRollouts[] = [];
  for (const { scalar, effect, doses } of clear) {
    const rollouts = [];
    for (const dose of doses) rollouts.push({ dose, clips: await roll(constant(dose.action_A), doseFrames) });
    tried.push({ channel: scalar.channel, effect, rollouts });
  }

  const { height, width } = world;
  const size = { height, width, ...(fieldOfView !== undefined && { fieldOfView }) };
  const recovery = recoveryFindings(
    { held: [...held.values()], starts, swappedJobs, asTold, swapped, channels, known },
    reference.network,
    size,
  );
  const unclear = scalarChannels(channels).filter(
    (scalar) => !clear.some((other) => other.scalar.column === scalar.column),
  );
  return {
    ...{ format: "vid2world-obedience/1", world: world.name },
    recordings: { name: recording.header.name, sha256: reference.sha256 },
    ...{ seed, ...(steps !== undefined && { steps }), ...(fieldOfView !== undefined && { fieldOfView }), frames },
    starts: starts.map(({ source, frame }: Start) => ({ source, frame })),
    findings: [
      ...counterfactualFindings(starts, asTold, swapped, size),
      ...stillnessFindings(atRest, asTold, reference, size),
      ...tried.flatMap((channel) => doseFindings(channel, size)),
      ...recovery.findings,
    ],
    notes: [
      ...note(
        "not tried, as the recordings show no clear movement of the picture by it",
        unclear.map(({ channel }) => channel.name),
      ),
      ...note("not recovered, as it cannot be told from two real frames", recovery.hidden),
      ...note(
        `not recovered from all predicted frames, as fewer than two of its classes occur ${fewest} times in them (more --starts or --frames)`,
        recovery.rare,
      ),
    ],
  };
}

const note = (why: string, channels: readonly string[]): string[] =>
  channels.length === 0 ? [] : [`${why}: ${channels.join(", ")}`];
