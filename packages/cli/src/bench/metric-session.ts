// Our side's open metric: as `vid2world evaluate` computes it, and the time that it takes.
// Axes: T pictures, C colours, H height, W width; N vectors, D features.
import { loadSafetensors, noGrad, scope, type Tensor } from "@vid2world/torch";
import { frechetDistance } from "@vid2world/world/evaluation/metrics/frechet";
import { loadLpips } from "@vid2world/world/evaluation/metrics/lpips";
import { meanSquaredError, psnr } from "@vid2world/world/evaluation/metrics/psnr";
import { ssim } from "@vid2world/world/evaluation/metrics/ssim";
import { loadInception } from "@vid2world/world/evaluation/networks/inception";
import { processMemory, resetPeak } from "./process-memory.js";
import type { OpenMetricRequest, RunTimes } from "./protocol.js";
import { timeRuns } from "./session.js";

/** A metric that was opened. */
export interface MetricSession {
  /** One number per picture, the mean feature of each, or the distance. */
  readonly values: readonly number[];
  /** Resident with network and inputs, before the first evaluation; the peak starts there. */
  readonly restKiB: number;
  repeat(count: number): Promise<RunTimes>;
}

/** Opens a metric, lets the peak of memory start from there, and looks at what it gives. */
export async function openMetricSession(request: OpenMetricRequest): Promise<MetricSession> {
  const tensors = await loadSafetensors(request.inputs);
  const [a, b] = [tensors.get("a") as Tensor, tensors.get("b") as Tensor];
  const score = await scoreOf(request);
  const run = (): number[] => noGrad(() => scope(() => score(a, b)));
  await resetPeak();
  const { residentKiB: restKiB } = await processMemory();
  return { values: run(), restKiB, repeat: (count) => timeRuns(() => void run(), count) };
}

async function scoreOf({
  metric,
  weights: [network = "", heads = ""],
}: OpenMetricRequest): Promise<(a: Tensor, b: Tensor) => number[]> {
  const numbers = (scores_T: Tensor): number[] => Array.from(scores_T.to("float64").toTypedArray() as Float64Array);
  const unit = (x: Tensor): Tensor => x.add(1).div(2);
  switch (metric) {
    case "mse":
      return (a, b) => numbers(meanSquaredError(a, b));
    case "psnr":
      return (a, b) => numbers(psnr(unit(a), unit(b)));
    case "ssim":
      return (a, b) => numbers(ssim(unit(a), unit(b)));
    case "lpips-vgg":
    case "lpips-alex": {
      const lpips = await loadLpips(metric === "lpips-vgg" ? "vgg" : "alex", { trunk: network, heads });
      return (a, b) => numbers(lpips.distance(a, b));
    }
    case "inception": {
      const inception = await loadInception(network);
      return (a) => numbers(inception.features(a).mean([1]));
    }
    case "frechet":
      return (a, b) => [frechetDistance(a, b)];
  }
}
