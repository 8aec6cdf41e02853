// `bench quality`: how good a world's frames are with few and with many steps, by solver, and what they cost.
import { libtorchVersion, setNumThreads } from "@vid2world/torch";
import { loadWorld } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { type SamplerConfig, type SolverName, solverNames } from "@vid2world/world/diffusion/samplers/sampler-config";
import { readHeldOutClips } from "@vid2world/world/evaluation/held-out";
import { lineCharts } from "@vid2world/world/evaluation/report/line-charts";
import { chooseStarts } from "@vid2world/world/evaluation/starts";
import { type StepQuality, evaluationsOf, measureStepQuality } from "@vid2world/world/evaluation/step-quality";
import { recordingsOf } from "../commands/demo.js";
import { circumstances, type Circumstances } from "./circumstances.js";
import { textTable } from "@vid2world/formats/text-table";

/** What `bench quality` found. */
export interface QualityResult extends Circumstances {
  readonly benchmark: "quality";
  readonly world: string;
  readonly decoder: string;
  readonly starts: number;
  readonly frames: number;
  readonly spacing: string;
  readonly evaluation: SamplerConfig["evaluation"];
  readonly points: readonly StepQuality[];
}

/** What is measured. */
export interface QualityOptions {
  readonly world: string;
  readonly starts: number;
  readonly frames: number;
  /** Step counts. One step is the same with every solver, so it is measured once; Heun takes counts whose evaluations stay within the largest. */
  readonly steps: readonly number[];
  readonly solvers: readonly SolverName[];
  /** Evaluations up to which the solvers after the first are measured: with many steps they all come together. Absent: no limit. */
  readonly othersUpTo?: number;
  readonly spacing?: "uniform_trailing" | "log_snr" | "karras";
  /** `streaming` is an approximation where the world's normalisation looks at the whole window. */
  readonly evaluation: SamplerConfig["evaluation"];
  readonly threads: number;
  readonly onProgress: (text: string) => void;
}

/** Frames left out at the beginning of each held-out clip. */
const SKIPPED = 10;

/** Runs the benchmark: all solvers of one step count after another, so that a busy spell of the machine does not favour one. */
export async function runQuality(options: QualityOptions): Promise<QualityResult> {
  const { starts: count, frames, steps, solvers, threads, onProgress } = options;
  setNumThreads(threads);
  const world = await loadWorld(options.world, { sampler: { eta: 0, evaluation: options.evaluation } });
  const spacing = options.spacing ?? world.sampler.spacing;
  const clips = await readHeldOutClips(await openRecording(await recordingsOf(options.world)), world);
  const starts = chooseStarts(clips, { count, contextFrames: world.contextFrames, frames, seed: 0, skip: SKIPPED });
  const most = Math.max(...steps);
  const within = (solver: SolverName, numSteps: number, place: number): boolean => {
    if (numSteps === 1 || place === 0) return place === 0;
    return evaluationsOf(solver, numSteps) <= Math.min(most, options.othersUpTo ?? most);
  };
  const cases = [...steps]
    .sort((a, b) => a - b)
    .flatMap((numSteps) =>
      solvers
        .filter((solver, place) => within(solver, numSteps, place))
        .map((solver) => ({ solver, numSteps, spacing })),
    );
  let done = 0;
  const onPoint = ({ solver, numSteps, psnr }: StepQuality): void =>
    onProgress(`${++done}/${cases.length}: ${solver}, ${numSteps} steps: ${psnr.toFixed(2)} dB`);
  const points = await measureStepQuality(world, starts, { cases, frames, seed: 0, onPoint });
  return {
    benchmark: "quality",
    ...{
      world: world.name,
      decoder: world.decoder,
      starts: count,
      frames,
      spacing: String(spacing),
      evaluation: options.evaluation,
      points,
    },
    ...circumstances(threads, { libtorch: libtorchVersion }),
  };
}

/** The result as a table. */
export function showQuality({ points, world, starts, frames, spacing, evaluation }: QualityResult): string {
  const rows = points.map((point) => [
    point.solver,
    String(point.numSteps),
    String(point.evaluations),
    point.psnr.toFixed(2),
    point.ssim.toFixed(3),
    point.sharpness.toFixed(2),
    point.cpuSecondsPerFrame.toFixed(3),
  ]);
  const heading = ["solver", "steps", "evaluations", "PSNR, dB", "SSIM", "sharpness", "CPU s/frame"];
  return `${world}, ${starts} starts x ${frames} frames, spacing ${spacing}, evaluation ${evaluation}\n\n${textTable([heading, ...rows])}`;
}

/** The result as curves over the evaluations of the network, SVG. */
export function plotQuality({ points, world, starts, frames }: QualityResult): Promise<string> {
  const panel = (yTitle: string, of: (point: StepQuality) => number) => ({
    yTitle,
    points: [...points]
      .sort((a, b) => solverNames.indexOf(a.solver) - solverNames.indexOf(b.solver))
      .map((point) => ({ series: point.solver, x: point.evaluations, y: of(point) })),
  });
  const panels = [
    panel("PSNR, dB", ({ psnr }) => psnr),
    panel("SSIM", ({ ssim }) => ssim),
    panel("sharpness (1: as the truth)", (point) => point.sharpness),
  ];
  return lineCharts(panels, {
    title: `World "${world}": quality against evaluations per frame (${starts} held-out starts, ${frames} frames each)`,
    xTitle: "evaluations of the network per frame",
    logX: true,
    xTicks: [1, 2, 4, 6, 10, 16, 25, 50],
  });
}
