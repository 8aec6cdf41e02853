// From a configuration to latents: the solver by its name, and its steps.

import type { Tensor } from "@vid2world/torch";
import type { NoiseSchedule } from "../schedule.js";
import { ddim } from "./ddim.js";
import { dpmSolver2M } from "./dpm-solver.js";
import { heun } from "./heun.js";
import type { SamplerConfig, SolverName } from "./sampler-config.js";
import type { Predictor, Solver, SolverOptions } from "./solver.js";
import { samplingSteps } from "./timesteps.js";
import { uniPC } from "./unipc.js";

/** Every solver by its name in `sampler.solver`. */
export const solvers: Readonly<Record<SolverName, Solver>> = {
  ddim,
  "dpm-solver++2m": dpmSolver2M,
  unipc: uniPC,
  heun,
};

/** Samples as `sampler` says, from standard normal noise. [B T C H W] -> same */
export function solve(
  predict: Predictor,
  x_BTCHW: Tensor,
  schedule: NoiseSchedule,
  sampler: SamplerConfig,
  options: SolverOptions = {},
): Tensor {
  return solvers[sampler.solver](predict, x_BTCHW, samplingSteps(schedule, sampler), options);
}
