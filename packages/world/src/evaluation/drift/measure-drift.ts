// Where does a world break? Long rollouts from held-out recordings: quality against horizon, what the pictures are like beside real ones, the
// first bad frame, a full turn, and how fast frames come as the rollout grows.
// Axes: T frames; frames are RGB bytes.
import type { Recording } from "../../data/recording.js";
import { repeatLastFrame, withConstantAction } from "../baselines.js";
import { type EvaluatedWorld, rolloutAll, type RolloutAllOptions } from "../evaluated-world.js";
import { readHeldOutClips } from "../held-out.js";
import { average } from "../metrics/average.js";
import { rolloutScores } from "../metrics/horizon.js";
import { bootstrapInterval, type Interval, meanInterval } from "../statistics/bootstrap.js";
import type { Finding } from "../statistics/finding.js";
import { chooseStarts, type Start, usualSkip } from "../starts.js";
import { type Collapse, findCollapse, type UsualRanges, usualRanges, widened } from "./collapse.js";
import {
  type FrameStatistics,
  frameStatistics,
  type StatisticName,
  statisticNames,
  unknownStatistics,
} from "./frame-statistics.js";
import { loopFindings, loopFrames, turnAction } from "./loop-closure.js";

/** How far a world is driven. */
export interface DriftOptions extends Omit<RolloutAllOptions, "onProgress"> {
  /** Starts in held-out clips. */
  readonly starts: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Numbers of one horizon: the predicted frame `frame`, from 1, over all starts. */
export interface DriftHorizon {
  readonly frame: number;
  /** dB against what really followed, of the world and of the repeated last known frame. */
  readonly psnr: Interval;
  readonly repeated: Interval;
  readonly ssim: Interval;
  /** Of the starts whose frame is finite. */
  readonly statistics: Readonly<Record<StatisticName, Interval>>;
  /** Of one rollout of a batch, with all that was going on on the machine. */
  readonly secondsPerFrame: number;
}

/** One rollout's fate. */
export interface DriftStart {
  readonly source: string;
  readonly frame: number;
  readonly collapse?: Collapse;
}

/** What is found. */
export interface DriftReport {
  readonly format: "vid2world-drift/1";
  readonly world: string;
  readonly recordings: string;
  readonly seed: number;
  readonly steps?: number;
  readonly frames: number;
  readonly batch: number;
  readonly starts: readonly DriftStart[];
  readonly horizons: readonly DriftHorizon[];
  /** Of held-out recorded frames. */
  readonly recorded: FrameStatistics;
  readonly ranges: UsualRanges;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/** Predicted frames that say what the world's pictures are like before it drifts. */
const ownFrames = 4;

/** Measures drift. But for the times, the same world, recordings and options give the same report. */
export async function measureDrift(
  world: EvaluatedWorld,
  recording: Recording,
  { starts: count, onProgress, ...options }: DriftOptions,
): Promise<DriftReport> {
  const { frames, seed, steps, batch = 16, signal } = options;
  const { height, width, contextFrames } = world;
  const bytes = height * width * 3;
  const held = await readHeldOutClips(recording, world, signal ? { signal } : {});
  const starts = chooseStarts(held, { count, contextFrames, frames, seed, skip: usualSkip });
  const turn = turnAction(recording.header.channels);
  const turned = turn ? loopFrames(turn).rolled : 0;
  const total = starts.length * (frames + turned);

  const clock = frameClock(starts.length, frames, batch);
  const broken = starts.map(() => new Set<number>());
  const clips = await rolloutAll(world, starts, {
    ...{ ...options, batch },
    onBroken: (job, frame) => broken[job]?.add(frame),
    onProgress: ({ done }) => {
      clock.tick(done);
      onProgress?.(done, total);
    },
  });
  const lastKnown = starts.map(({ context_THWC }) => context_THWC.subarray(-bytes));
  const loops = turn
    ? await rolloutAll(
        world,
        starts.map((start) => withConstantAction(start, turn.action_A, { known: contextFrames - 1, frames: turned })),
        {
          ...options,
          batch,
          frames: turned,
          onProgress: ({ done }) => onProgress?.(starts.length * frames + done, total),
        },
      )
    : [];

  const real = [...held.values()].flatMap(({ frames_THWC }) =>
    frameStatistics(frames_THWC.subarray(bytes), frames_THWC.subarray(0, bytes), world),
  );
  const seen = clips.map((clip, i) =>
    frameStatistics(clip, lastKnown[i] as Uint8Array, world).map((statistics, t) =>
      broken[i]?.has(t) === true ? unknownStatistics : statistics,
    ),
  );
  const ranges = widened(
    usualRanges(real),
    seen.flatMap((statistics) => statistics.slice(0, ownFrames)),
  );
  const collapses = seen.map((statistics) => findCollapse(statistics, ranges));
  const horizons = horizonsOf(clips, starts, seen, clock.secondsPerFrame(), world);
  return {
    ...{ format: "vid2world-drift/1", world: world.name, recordings: recording.header.name, seed },
    ...{ ...(steps !== undefined && { steps }), frames, batch },
    starts: starts.map(({ source, frame }, i) => ({ source, frame, ...(collapses[i] && { collapse: collapses[i] }) })),
    horizons,
    recorded: meanStatistics(real),
    ranges,
    findings: [
      ...qualityFindings(horizons, starts.length),
      ...statisticFindings(seen, real),
      ...collapseFindings(collapses, frames),
      ...(turn ? loopFindings(lastKnown, loops, turn, world) : []),
    ],
    notes: turn ? [] : ["loop closure: not tried, as no channel is measured in degrees (its unit in actions.json)"],
  };
}

function horizonsOf(
  clips: readonly Uint8Array[],
  starts: readonly Start[],
  seen: readonly (readonly FrameStatistics[])[],
  seconds: readonly number[],
  size: EvaluatedWorld,
): DriftHorizon[] {
  const bytes = size.height * size.width * 3;
  const truth = starts.map(({ truth_THWC }) => truth_THWC);
  const own = rolloutScores(clips, truth, size);
  const still = rolloutScores(
    starts.map((start) => repeatLastFrame(start.context_THWC, bytes, start.truth_THWC.length / bytes)),
    truth,
    size,
  );
  return (own.psnr[0] ?? []).map((_, t) => {
    const at = (scores: readonly (readonly number[])[]): Interval => meanInterval(scores.map((one) => one[t] ?? NaN));
    return {
      ...{ frame: t + 1, psnr: at(own.psnr), repeated: at(still.psnr), ssim: at(own.ssim) },
      statistics: statisticIntervals(seen.flatMap((statistics) => statistics[t] ?? [])),
      secondsPerFrame: seconds[t] ?? NaN,
    };
  });
}

function statisticIntervals(all: readonly FrameStatistics[]): Readonly<Record<StatisticName, Interval>> {
  const known = all.filter(({ brightness }) => Number.isFinite(brightness));
  const rows = statisticNames.map((name) => [name, meanInterval(known.map((statistics) => statistics[name]))] as const);
  return Object.fromEntries(rows) as Record<StatisticName, Interval>;
}

function qualityFindings(horizons: readonly DriftHorizon[], episodes: number): Finding[] {
  const [first, last] = [horizons[0], horizons.at(-1)];
  if (!first || !last) return [];
  const common = { test: "quality", unit: "dB", digits: 2, episodes };
  const lost = horizons.findIndex(({ psnr, repeated }) => psnr.value <= repeated.value);
  const ahead = lost < 0 ? horizons.length : lost;
  const exact = { value: ahead, low: NaN, high: NaN };
  return [
    { ...common, name: "PSNR of the first frame", ...first.psnr, meaning: "against what really followed" },
    {
      ...{ ...common, name: `PSNR of frame ${last.frame}`, ...last.psnr },
      meaning: "so far on many futures are possible: it need not be high",
    },
    {
      ...{ ...common, name: "better than a still picture", unit: "frames", digits: 0, ...exact },
      meaning: "frames until the mean PSNR falls to that of the last known frame shown again and again",
    },
  ];
}

/** Of the last quarter of the rollouts, as shares of the recordings' means. */
function statisticFindings(seen: readonly (readonly FrameStatistics[])[], real: readonly FrameStatistics[]): Finding[] {
  const meanings: Readonly<Record<StatisticName, string>> = {
    brightness: "mean value; far from 1: pictures fade or burn out",
    contrast: "spread of values; below 1: pictures turn grey",
    saturation: "colourfulness; far from 1: colours fade or scream",
    sharpness: "difference of neighbouring pixels; below 1: blurred, above: noisy",
    motion: "change from frame to frame; near 0: frozen",
  };
  return statisticNames.map((name) => {
    const usual = average(real.map((statistics) => statistics[name]));
    const late = seen
      .map((frames) => meanStatistics(frames.slice(Math.floor((3 * frames.length) / 4)))[name])
      .filter(Number.isFinite);
    const common = { test: "the last quarter beside real frames", name, unit: "", digits: 2, episodes: late.length };
    return { ...common, ...meanInterval(late.map((value) => value / usual)), meaning: meanings[name] };
  });
}

function collapseFindings(collapses: readonly (Collapse | undefined)[], frames: number): Finding[] {
  const lasted = collapses.map((collapse) => (collapse ? collapse.frame - 1 : frames));
  const common = { test: "collapse", digits: 2, episodes: collapses.length };
  return [
    {
      ...{ ...common, name: "rollouts that collapse", unit: "" },
      ...meanInterval(collapses.map((collapse) => (collapse ? 1 : 0))),
      meaning: "share that leaves what recorded frames and its own first 4 are like, for at least 4 frames",
    },
    {
      ...{ ...common, name: "frames before that", unit: "frames", digits: 0 },
      ...bootstrapInterval(lasted, median),
      meaning: `median; ${frames} where a rollout lasts to its end`,
    },
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

function meanStatistics(all: readonly FrameStatistics[]): FrameStatistics {
  const known = all.filter(({ brightness }) => Number.isFinite(brightness));
  const means = statisticNames.map((name) => [name, average(known.map((statistics) => statistics[name]))] as const);
  return Object.fromEntries(means) as Record<StatisticName, number>;
}

/** Wall seconds per frame of one rollout, by horizon: mean over batches. Ticks come once per predicted frame of a batch. */
function frameClock(starts: number, frames: number, batch: number) {
  const sums = new Float64Array(frames);
  const counts = new Float64Array(frames);
  let previous = performance.now();
  let ticks = 0;
  return {
    tick: (done: number): void => {
      const now = performance.now();
      const inBatch = Math.min(batch, starts - Math.floor((done - 1) / (batch * frames)) * batch);
      const frame = ticks++ % frames;
      sums[frame] = (sums[frame] ?? 0) + (now - previous) / 1000;
      counts[frame] = (counts[frame] ?? 0) + inBatch;
      previous = now;
    },
    secondsPerFrame: (): number[] => Array.from(sums, (sum, t) => sum / (counts[t] ?? NaN)),
  };
}
