// The demo: a world on held-out starts, against its baselines, and one start under several actions; all written to a folder.

import type { Recording } from "../data/recording.js";
import { withConstantAction } from "./baselines.js";
import { type EvaluationReport, evaluateWorld } from "./evaluate-world.js";
import type { EvaluatedWorld, RolloutProgress } from "./evaluated-world.js";
import { readHeldOutClips } from "./held-out.js";
import { probeActions } from "./obedience/probe-actions.js";
import { writeDemoFolder } from "./report/demo-folder.js";
import { chooseStarts, type Start, usualSkip } from "./starts.js";

/** Options of {@link runDemo}. */
export interface DemoOptions {
  /** Folder to write to. */
  readonly out: string;
  /** Starts, two or more: the baseline of shuffled actions needs somebody to exchange with. */
  readonly starts: number;
  /** Frames to predict from each. */
  readonly frames: number;
  readonly seed: number;
  /** Denoising steps per frame; the world's own unless given. */
  readonly steps?: number;
  readonly onProgress?: (progress: RolloutProgress) => void;
  readonly signal?: AbortSignal;
}

/** What a demo made. */
export interface DemoResult {
  readonly report: EvaluationReport;
  /** Names of the files in `out`. */
  readonly files: readonly string[];
}

/** Runs the demo. Nothing is written before all rollouts are done. */
export async function runDemo(world: EvaluatedWorld, recording: Recording, options: DemoOptions): Promise<DemoResult> {
  const { out, starts: count, frames, seed, onProgress, ...rest } = options;
  const { signal, steps } = rest;
  const clips = await readHeldOutClips(recording, world, signal === undefined ? {} : { signal });
  const starts = chooseStarts(clips, { count, contextFrames: world.contextFrames, frames, seed, skip: usualSkip });
  const probes = probeActions(recording.header.channels);
  const total = (2 * starts.length + probes.length) * frames;

  const settings = {
    frames,
    seed,
    ...(steps === undefined ? {} : { steps }),
    ...(signal === undefined ? {} : { signal }),
  };
  const { report, predictions } = await evaluateWorld(world, starts, {
    ...settings,
    batch: starts.length,
    onProgress: ({ done }) => onProgress?.({ done, total }),
  });

  const probed = probeStart(starts, world.height * world.width * 3);
  const variants = [];
  for (const [index, { label, action_A }] of probes.entries()) {
    const job = withConstantAction(probed, action_A, { known: world.contextFrames - 1, frames });
    const before = (2 * starts.length + index) * frames;
    // One after the other with one seed: the variants differ by their action and by nothing else.
    const onFrame = (frame: number): void => onProgress?.({ done: before + frame + 1, total });
    const [frames_THWC = new Uint8Array()] = await world.rollout([job], { ...settings, onFrame });
    variants.push({ label, frames_THWC });
  }

  const comparisons = starts.map((start, index) => ({ start, prediction_THWC: predictions[index] as Uint8Array }));
  const { height, width } = world;
  const content = { height, width, fps: recording.header.fps, report, comparisons, probe: { start: probed, variants } };
  return { report, files: await writeDemoFolder(out, content) };
}

/** The start with the most contrast in its last known frame: a wall at arm's length shows no movement. */
function probeStart(starts: readonly Start[], frameBytes: number): Start {
  const contrast = ({ context_THWC }: Start): number => {
    const last = context_THWC.subarray(-frameBytes);
    const mean = last.reduce((sum, value) => sum + value, 0) / last.length;
    return last.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  };
  return starts.reduce((best, start) => (contrast(start) > contrast(best) ? start : best));
}
