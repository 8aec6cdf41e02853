// `bench full`: the ladder from the published algorithm to few streamed steps, action in to picture out, at full size with random weights.
// Rungs that would take longer than allowed are estimated from frames of one and of two steps.
import { cuda, libtorchVersion, setNumThreads } from "@vid2world/torch";
import { textTable } from "@vid2world/formats/text-table";
import { WorldModel, type WorldParts, type WorldState, releaseState, retainState } from "@vid2world/world";
import type { SamplerConfig } from "@vid2world/world/diffusion/samplers/sampler-config";
import { type Circumstances, circumstances } from "./circumstances.js";
import { processMemory } from "./process-memory.js";
import { type Placement, type RandomWorldName, randomParts, randomWorldConfig } from "./random-world.js";
import { extrapolated, timePlainFrames } from "./plain-frames.js";
import { quantile } from "./timing.js";

const WHOLE_STEPS = 50;

/** A way of making a frame. */
export interface Rung {
  readonly name: string;
  readonly evaluation: SamplerConfig["evaluation"];
  readonly steps: number;
}

/** What a rung takes, in seconds. */
export interface RungFigures extends Rung {
  readonly side: "ours" | "pytorch";
  /** One frame after the other: from action to picture, and bringing the memory up to date. */
  readonly perFrame: number;
  /** From action to picture; the same number where it is estimated. */
  readonly p50: number;
  readonly p95: number;
  /** Frames that were timed; 0: estimated, as a frame of one step and what a second step adds to it, times the steps. */
  readonly frames: number;
  /** The most memory so far: of the CUDA device, otherwise of the process. Smaller rungs run first. */
  readonly peakBytes: number;
}

/** What `bench full` found. */
export interface FullResult extends Circumstances, Placement {
  readonly benchmark: "full";
  readonly case: RandomWorldName;
  readonly parameters: number;
  /** Known frames of each window. */
  readonly context: number;
  readonly cudaGraphs: "not offered";
  readonly figures: readonly RungFigures[];
  /** R0 by plain PyTorch for Python, without a decoder, of the same weights; or why there is none. */
  readonly plain: { readonly deviation: number } | { readonly missing: string };
}

/** What to run. */
export interface FullOptions extends Placement {
  readonly case: RandomWorldName;
  /** Step counts of R2. */
  readonly steps: readonly number[];
  readonly frames: number;
  /** Seconds for the frames of one rung; rungs that would take longer are estimated. */
  readonly limit: number;
  readonly threads: number;
  /** Whether plain PyTorch runs beside it. */
  readonly pytorch: boolean;
  readonly onProgress?: (text: string) => void;
}

/** Builds the world once and climbs down the ladder: the least memory first, as libtorch tells only the highest so far. */
export async function runFull(options: FullOptions): Promise<FullResult> {
  const { threads, device, dtype, onProgress } = options;
  setNumThreads(threads);
  const config = await randomWorldConfig(options.case);
  const context = config.unet.temporalLength - 1;
  onProgress?.(`building ${options.case} in ${dtype} on ${device}`);
  const parts = randomParts(config, { device, dtype });
  const rungs: Rung[] = [
    ...[...options.steps]
      .sort((a, b) => a - b)
      .map((steps) => ({ name: "R2", evaluation: "streaming", steps }) as const),
    { name: "R1", evaluation: "streaming", steps: WHOLE_STEPS },
    { name: "R0", evaluation: "window", steps: WHOLE_STEPS },
  ];
  const figures: RungFigures[] = [];
  const start = startOf(parts, context, device);
  const probes = new Map<Rung["evaluation"], Probe>();
  for (const rung of rungs) {
    const { evaluation } = rung;
    onProgress?.(`${rung.name}: ${evaluation}, ${rung.steps} steps`);
    const probe = probes.get(evaluation) ?? probeSteps(parts, evaluation, start, device);
    probes.set(evaluation, probe);
    const timed = timeRung(parts, rung, start, probe, options);
    figures.unshift({ ...rung, side: "ours", ...timed, peakBytes: await peakMemory(device) });
  }
  releaseState(start);
  if (options.pytorch) onProgress?.("R0 by plain PyTorch for Python");
  const plain = options.pytorch
    ? await timePlainFrames(parts, { ...options, context, steps: WHOLE_STEPS })
    : { missing: "not asked for" };
  const theirs = { name: "R0", evaluation: "window", steps: WHOLE_STEPS, side: "pytorch" } as const;
  if (!("missing" in plain)) figures.push({ ...theirs, ...plain.figures });
  parts.stream?.dispose();
  const versions = { libtorch: libtorchVersion, ...(!("missing" in plain) && { pytorch: plain.version }) };
  return {
    benchmark: "full",
    ...circumstances(threads, versions),
    ...{ case: options.case, device, dtype, context, cudaGraphs: "not offered", figures },
    plain: "missing" in plain ? plain : { deviation: plain.deviation },
    parameters: [parts.unet, parts.autoencoder]
      .flatMap((part) => part.parameters())
      .reduce((sum, { numel }) => sum + numel, 0),
  };
}

/** Seconds from action to picture, and of bringing the memory up to date. */
interface FrameTimes {
  readonly step: number;
  readonly settle: number;
}

/** Frames of one and of two steps: all that is needed to tell how long more steps take. */
interface Probe {
  readonly one: FrameTimes;
  readonly two: FrameTimes;
}

/** Where all rungs start: known frames and their scene, encoded once. */
function startOf(parts: WorldParts, context: number, device: Placement["device"]): WorldState {
  using world = new WorldModel(parts, { device });
  const { width, height } = world;
  const frames = Uint8Array.from({ length: context * width * height * 3 }, (_, i) => (i * 7919) % 251);
  return retainState(world.begin({ frames }));
}

/** Frames by so many steps each, after `warm` frames that are not counted. */
function timeFrames(
  parts: WorldParts,
  { evaluation, steps }: Pick<Rung, "evaluation" | "steps">,
  start: WorldState,
  { device, count, warm }: { readonly device: Placement["device"]; readonly count: number; readonly warm: number },
): FrameTimes[] {
  using world = new WorldModel(parts, { device, sampler: { evaluation, numSteps: steps } });
  world.restore(start);
  world.settle();
  const rows = Array.from({ length: warm + count }, () => ({
    step: secondsOf(device, () => void world.step()),
    settle: secondsOf(device, () => world.settle()),
  }));
  return rows.slice(warm);
}

function probeSteps(
  parts: WorldParts,
  evaluation: Rung["evaluation"],
  start: WorldState,
  device: Placement["device"],
): Probe {
  // Two frames to warm up: kernels are chosen in the first, traces made in the second.
  const [one] = timeFrames(parts, { evaluation, steps: 1 }, start, { device, count: 1, warm: 2 });
  const [two] = timeFrames(parts, { evaluation, steps: 2 }, start, { device, count: 1, warm: 0 });
  return { one, two } as Probe;
}

function timeRung(
  parts: WorldParts,
  rung: Rung,
  start: WorldState,
  { one, two }: Probe,
  { device, frames, limit }: FullOptions,
): Pick<RungFigures, "perFrame" | "p50" | "p95" | "frames"> {
  const expected = extrapolated(one.step, two.step, rung.steps);
  if (frames * (expected + one.settle) > limit)
    return { perFrame: expected + one.settle, p50: expected, p95: expected, frames: 0 };
  const rows = timeFrames(parts, rung, start, { device, count: frames, warm: 1 });
  const stepped = rows.map(({ step }) => step);
  return {
    perFrame: quantile(
      rows.map(({ step, settle }) => step + settle),
      0.5,
    ),
    ...{ p50: quantile(stepped, 0.5), p95: quantile(stepped, 0.95), frames },
  };
}

/** The device is waited for at both ends, and nowhere between. */
function secondsOf(device: Placement["device"], body: () => void): number {
  const wait = (): void => void (device === "cpu" || cuda.synchronize());
  wait();
  const began = performance.now();
  body();
  wait();
  return (performance.now() - began) / 1000;
}

async function peakMemory(device: Placement["device"]): Promise<number> {
  if (device === "cpu") return 1024 * (await processMemory()).peakKiB;
  return cuda.memory()?.peakBytes ?? NaN;
}

/** Expected of one H100-class GPU, by arithmetic (see docs/streaming.md). */
const EXPECTED: Readonly<Record<string, string>> = { R0: "5-20 s", R1: "0.3-1 s", R2: "0.1-0.3 s" };

/** The result as a table. */
export function showFull(result: FullResult): string {
  const { case: name, device, dtype, context, parameters, figures, cudaGraphs } = result;
  const heading = ["rung", "means", "s a frame", "p50 s", "p95 s", "frames/s", "peak GiB", "timed", "CUDA graphs"];
  const full = name === "full";
  const rows = figures.map(({ name: rung, side, evaluation, steps, perFrame, p50, p95, frames, peakBytes }) => [
    ...[
      rung,
      `${side === "ours" ? "" : "PyTorch: "}${evaluation}, ${steps} steps, guidance`,
      perFrame.toFixed(3),
      p50.toFixed(3),
      p95.toFixed(3),
    ],
    ...[(1 / perFrame).toPrecision(3), (peakBytes / 2 ** 30).toFixed(2)],
    ...[frames === 0 ? "estimated" : `${frames} ${frames === 1 ? "frame" : "frames"}`, cudaGraphs],
    ...(full ? [EXPECTED[rung] ?? ""] : []),
  ]);
  const what = `${name}: ${parameters.toLocaleString("en")} random parameters, ${dtype} on ${device}, ${context} known frames, batch 1`;
  const notes =
    "p50, p95: from action to picture; s a frame: with the memory brought up to date. estimated: from frames of one and of two steps.";
  const comparison =
    "missing" in result.plain
      ? `No plain PyTorch beside it: ${result.plain.missing}`
      : `PyTorch: the published algorithm, sampler alone, same weights; a frame of two steps differs from ours by ${result.plain.deviation.toExponential(1)} (relative).`;
  return `${what}\n\n${textTable([[...heading, ...(full ? ["expected, H100"] : [])], ...rows])}\n${notes}\n${comparison}`;
}
