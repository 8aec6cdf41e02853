// `bench full`: the ladder from the published algorithm to few streamed steps, action in to picture out, at full size with random weights.
// Rungs that would take longer than allowed are estimated from frames of one and of two steps.
import { type CaptureRun, cuda, libtorchVersion, setNumThreads } from "@vid2world/torch";
import { textTable } from "@vid2world/formats/text-table";
import { WorldModel, type WorldParts, type WorldState, releaseState, retainState } from "@vid2world/world";
import type { SamplerConfig } from "@vid2world/world/diffusion/samplers/sampler-config";
import { type Circumstances, circumstances } from "./circumstances.js";
import { graphDeviation, graphsMissing } from "./graph-frames.js";
import { processMemory } from "./process-memory.js";
import { type Placement, type RandomWorldName, randomParts, randomWorldConfig } from "./random-world.js";
import { extrapolated, timePlainFrames } from "./plain-frames.js";
import { quantile } from "./timing.js";

const WHOLE_STEPS = 50;
const R0 = { name: "R0", evaluation: "window" } as const;
const R1 = { name: "R1", evaluation: "streaming" } as const;
const R2 = { name: "R2", evaluation: "streaming" } as const;

/** A way of making a frame. */
export interface Rung {
  readonly name: string;
  readonly evaluation: SamplerConfig["evaluation"];
  readonly steps: number;
  /** Whether as CUDA graphs (`sampler.cudaGraphs`). */
  readonly graphs: boolean;
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
  /** How far a frame with CUDA graphs is from one without, relative; or why there are none. */
  readonly cudaGraphs: { readonly deviation: number } | { readonly missing: string };
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
  /** What makes graphs in place of CUDA's, for tests. */
  readonly capture?: CaptureRun;
  readonly onProgress?: (text: string) => void;
}

/** Builds the world once and climbs down the ladder: the least memory first, as libtorch tells only the highest so far. */
export async function runFull(options: FullOptions): Promise<FullResult> {
  const { threads, device, dtype, capture, onProgress } = options;
  setNumThreads(threads);
  const config = await randomWorldConfig(options.case);
  const context = config.unet.temporalLength - 1;
  onProgress?.(`building ${options.case} in ${dtype} on ${device}`);
  const parts = randomParts(config, { device, dtype }, capture && { capture });
  const figures: RungFigures[] = [];
  const start = startOf(parts, context, device);
  const climb = async (rungs: readonly Rung[]): Promise<void> => {
    let probe: Probe | undefined;
    for (const rung of rungs) {
      onProgress?.(`${rung.name}: ${rung.evaluation}, ${rung.steps} steps${rung.graphs ? ", CUDA graphs" : ""}`);
      probe ??= probeSteps(parts, rung, start, device);
      const timed = timeRung(parts, rung, start, probe, options);
      figures.unshift({ ...rung, side: "ours", ...timed, peakBytes: await peakMemory(device) });
    }
  };
  const streamed = (graphs: boolean): Rung[] => [
    ...[...options.steps].sort((a, b) => a - b).map((steps) => ({ ...R2, steps, graphs })),
    { ...R1, steps: WHOLE_STEPS, graphs },
  ];
  await climb(streamed(false));
  const missing = graphsMissing(parts);
  if (missing === undefined) await climb(streamed(true));
  const cudaGraphs = missing === undefined ? { deviation: graphDeviation(parts, start, device) } : { missing };
  parts.stream?.dispose(); // with its graphs: whole windows need the memory
  await climb([{ ...R0, steps: WHOLE_STEPS, graphs: false }]);
  releaseState(start);
  if (options.pytorch) onProgress?.("R0 by plain PyTorch for Python");
  const plain = options.pytorch
    ? await timePlainFrames(parts, { ...options, context, steps: WHOLE_STEPS })
    : { missing: "not asked for" };
  const theirs = { ...R0, steps: WHOLE_STEPS, graphs: false, side: "pytorch" } as const;
  if (!("missing" in plain)) figures.push({ ...theirs, ...plain.figures });
  const versions = { libtorch: libtorchVersion, ...(!("missing" in plain) && { pytorch: plain.version }) };
  return {
    benchmark: "full",
    ...circumstances(threads, versions),
    ...{ case: options.case, device, dtype, context, cudaGraphs, figures },
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
  { evaluation, steps, graphs }: Pick<Rung, "evaluation" | "steps" | "graphs">,
  start: WorldState,
  { device, count, warm }: { readonly device: Placement["device"]; readonly count: number; readonly warm: number },
): FrameTimes[] {
  using world = new WorldModel(parts, { device, sampler: { evaluation, numSteps: steps, cudaGraphs: graphs } });
  world.restore(start);
  world.settle();
  const rows = Array.from({ length: warm + count }, () => ({
    step: secondsOf(device, () => void world.step()),
    settle: secondsOf(device, () => world.settle()),
  }));
  return rows.slice(warm);
}

function probeSteps(parts: WorldParts, rung: Rung, start: WorldState, device: Placement["device"]): Probe {
  // Two frames to warm up: kernels are chosen and traces made in the first, graphs in the second.
  const [one] = timeFrames(parts, { ...rung, steps: 1 }, start, { device, count: 1, warm: 2 });
  const [two] = timeFrames(parts, { ...rung, steps: 2 }, start, { device, count: 1, warm: 0 });
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
  const missing = "missing" in cudaGraphs;
  const rows = figures.map(({ name: rung, side, evaluation, steps, graphs, perFrame, p50, p95, frames, peakBytes }) => [
    ...[
      rung,
      `${side === "ours" ? "" : "PyTorch: "}${evaluation}, ${steps} steps, guidance`,
      perFrame.toFixed(3),
      p50.toFixed(3),
      p95.toFixed(3),
    ],
    ...[(1 / perFrame).toPrecision(3), (peakBytes / 2 ** 30).toFixed(2)],
    frames === 0 ? "estimated" : `${frames} ${frames === 1 ? "frame" : "frames"}`,
    // Whole windows are not traced, and what is not traced has no graph.
    evaluation === "window" ? "-" : missing ? "need CUDA" : graphs ? "with" : "without",
    ...(full ? [EXPECTED[rung] ?? ""] : []),
  ]);
  const what = `${name}: ${parameters.toLocaleString("en")} random parameters, ${dtype} on ${device}, ${context} known frames, batch 1`;
  const notes =
    "p50, p95: from action to picture; s a frame: with the memory brought up to date. estimated: from frames of one and of two steps.";
  const comparison =
    "missing" in result.plain
      ? `No plain PyTorch beside it: ${result.plain.missing}`
      : `PyTorch: the published algorithm, sampler alone, same weights; a frame of two steps differs from ours by ${result.plain.deviation.toExponential(1)} (relative).`;
  const graphs = missing
    ? `No CUDA graphs: ${cudaGraphs.missing}`
    : `CUDA graphs: a frame of two steps differs from the one without by ${cudaGraphs.deviation.toExponential(1)} (relative).`;
  const table = textTable([[...heading, ...(full ? ["expected, H100"] : [])], ...rows]);
  return `${what}\n\n${table}\n${[notes, comparison, graphs].join("\n")}`;
}
