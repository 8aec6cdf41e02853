// What every solver is: a function that takes a predictor of clean latents through the steps of a plan, and the loop they share.
// Axes: B batch, T frames (those that are sampled together; history is the predictor's business), C channels, H height, W width.

import { type Tensor, full, scope } from "@vid2world/torch";
import type { Conditioning, Denoiser } from "../denoiser.js";
import type { SamplingStep } from "./timesteps.js";

/** Predicts clean latents, scaled by the timestep's dynamic rescale, of frames that are all at one timestep. [B T C H W] -> same */
export type Predictor = (x_BTCHW: Tensor, timestep: number) => Tensor;

/** What a step ended with; tensors are freed after the callback returns. */
export interface StepReport {
  /** 0 is the noisiest step. */
  readonly step: number;
  readonly timestep: number;
  readonly x_BTCHW: Tensor;
  /** Clean latents predicted by the step, after the dynamic rescale. */
  readonly x0_BTCHW: Tensor;
}

/** Options of a solver. */
export interface SolverOptions {
  /** Standard normal noise of a step, shaped like x; asked for only where a step adds noise. */
  readonly noise?: (step: number) => Tensor;
  readonly onStep?: (report: StepReport) => void;
  /** Checked between steps. */
  readonly signal?: AbortSignal;
}

/** A solver: noise [B T C H W] through the steps of `samplingSteps` -> latents of the same shape. */
export type Solver = (
  predict: Predictor,
  x_BTCHW: Tensor,
  steps: readonly SamplingStep[],
  options?: SolverOptions,
) => Tensor;

/** A denoiser that is told the same timestep for every frame, and the same conditioning at every step. */
export function predictorOf(denoise: Denoiser, conditioning: Conditioning = {}): Predictor {
  return (x_BTCHW, timestep) => {
    const [batch, frames] = x_BTCHW.dims("B T C H W");
    const levels_BT = full([batch, frames], timestep, { dtype: "int64", device: x_BTCHW.device });
    return denoise(x_BTCHW, levels_BT, conditioning);
  };
}

/**
 * `guided` at timesteps from `interval[0]` to `interval[1]`, both included, and `plain` at the others: guidance only where it helps
 * (arXiv:2404.07724 section 3, there in sigma). Without an interval `guided` everywhere.
 */
export function guidedWithin(
  interval: readonly [number, number] | undefined,
  guided: Predictor,
  plain: Predictor,
): Predictor {
  if (interval === undefined) return guided;
  const [from, to] = interval;
  return (x_BTCHW, timestep) => (from <= timestep && timestep <= to ? guided : plain)(x_BTCHW, timestep);
}

/** What a solver carries from step to step: the latents, and whatever it remembers. */
export interface SolverState {
  readonly x: Tensor;
}

/**
 * Runs `advance` over the steps. Everything it allocates dies with the step, but for the state it returns, which dies with the next
 * one; `x0` is what is reported. The result is the caller's, and never the tensor that was given.
 */
export function runSteps<State extends SolverState>(
  first: State,
  steps: readonly SamplingStep[],
  { onStep, signal }: SolverOptions,
  advance: (state: State, step: SamplingStep, index: number) => { readonly state: State; readonly x0: Tensor },
): Tensor {
  const given = first.x;
  let current = first;
  for (const [index, step] of steps.entries()) {
    signal?.throwIfAborted();
    const { state, x0 } = scope(() => advance(current, step, index));
    onStep?.({ step: index, timestep: step.timestep, x_BTCHW: state.x, x0_BTCHW: x0 });
    const kept = new Set([given, ...tensorsOf(state)]);
    for (const tensor of [x0, ...tensorsOf(current)]) if (!kept.has(tensor)) tensor.dispose();
    current = state;
  }
  for (const tensor of tensorsOf(current)) if (tensor !== current.x && tensor !== given) tensor.dispose();
  return current.x === given ? given.clone() : current.x;
}

function tensorsOf(state: SolverState): Tensor[] {
  return Object.values(state) as Tensor[];
}
