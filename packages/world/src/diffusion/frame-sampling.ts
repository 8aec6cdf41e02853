// One new frame from a window of finished ones, exactly as published: history noised once and kept fixed, guidance on the newest action.
// Axes: B batch, T frames, C channels, H height, W width, L context tokens, D context width, A action channels.

import { invalid } from "@vid2world/formats";
import { type Tensor, cat, full, stack, zerosLike } from "@vid2world/torch";
import { withoutNewestAction } from "./actions.js";
import type { Conditioning, Denoiser, Network, StreamingNetwork } from "./denoiser.js";
import { type Unconditional, guide } from "./guidance.js";
import { imageCondition } from "./image-condition.js";
import { atLevels } from "./level-tables.js";
import type { NoiseSource } from "./noise.js";
import { addNoise, denoiserOf } from "./parameterization.js";
import type { SamplerConfig } from "./samplers/sampler-config.js";
import { solve } from "./samplers/solve.js";
import { type Predictor, type StepReport, guidedWithin, predictorOf } from "./samplers/solver.js";
import { historyTimestep } from "./samplers/timesteps.js";
import type { NoiseSchedule } from "./schedule.js";

/** A finished frame. */
export interface HistoryFrame {
  readonly latent_BCHW: Tensor;
  /** The same with the noise of the history level: drawn once, kept for as long as the frame is in the window. */
  readonly noisy_BCHW: Tensor;
  /** The action that led to it, zeros for the first frame; absent in a world without actions. */
  readonly action_BA?: Tensor;
}

/** What stays the same for all frames of a rollout. */
export interface SceneConditioning {
  readonly context?: Tensor;
  /** What guidance compares `context` with; absent: the same context. */
  readonly unconditionalContext?: Tensor;
  readonly fps_B?: Tensor;
  /** The latent that the image condition `first-frame` shows, [B C H W]; absent: the window's first frame. */
  readonly anchor_BCHW?: Tensor;
}

/** How frames are sampled. */
export interface FrameSettings {
  readonly schedule: NoiseSchedule;
  readonly sampler: SamplerConfig;
  /** Most frames the network sees at once, the new one included (its temporal length). */
  readonly windowLength: number;
  readonly noise: NoiseSource;
  /** Present: rollouts evaluate the past once (`sampler.evaluation: streaming`). */
  readonly streaming?: StreamingNetwork;
  readonly signal?: AbortSignal;
  readonly onStep?: (report: StepReport & { readonly frame: number }) => void;
}

/** The noisy copy of a finished frame; `frame` counts from the start of the rollout. [B C H W] -> same */
export function noisedHistory(latent_BCHW: Tensor, frame: number, settings: FrameSettings): Tensor {
  const { schedule, sampler, noise } = settings;
  const timestep = historyTimestep(schedule, sampler);
  if (timestep === undefined) return latent_BCHW.clone();
  const levels_B = full([latent_BCHW.size(0)], timestep, { dtype: "int64", device: latent_BCHW.device });
  const latent_B1CHW = latent_BCHW.unsqueeze(1);
  // The published sampler noises history without the dynamic rescale that its training applied.
  const scaled =
    sampler.variant === "consistent" ? latent_B1CHW.mul(atLevels(schedule, "scale", levels_B)) : latent_B1CHW;
  const eps = noise({ kind: "history", frame }, latent_BCHW.shape).unsqueeze(1);
  return addNoise(schedule, scaled, eps, levels_B).squeeze(1);
}

/** The newest frames that fit beside a new one. */
export function windowOf<T>(history: readonly T[], windowLength: number): readonly T[] {
  if (!Number.isInteger(windowLength) || windowLength < 2)
    throw invalid("windowLength", "an integer of at least 2", windowLength);
  return history.slice(-(windowLength - 1));
}

/**
 * Samples frame number `frame` after `history` (at least one frame, oldest first). `action_BA` is the action that leads to it. The network
 * may be one that remembers the history (`rememberingNetwork`). Run it inside a `scope`. -> clean latents [B C H W]
 */
export function sampleFrame(
  network: Network,
  history: readonly HistoryFrame[],
  action_BA: Tensor | undefined,
  frame: number,
  scene: SceneConditioning,
  settings: FrameSettings,
): Tensor {
  const { schedule, sampler, noise, signal, onStep } = settings;
  const shape_BCHW = newestOf(history).latent_BCHW.shape;
  const predict = framePredictor(network, history, action_BA, scene, settings);
  const start_B1CHW = noise({ kind: "start", frame }, shape_BCHW).unsqueeze(1);
  const latent_B1CHW = solve(predict, start_B1CHW, schedule, sampler, {
    noise: (step) => noise({ kind: "step", frame, step }, shape_BCHW).unsqueeze(1),
    ...(signal && { signal }),
    ...(onStep && { onStep: (report: StepReport) => onStep({ ...report, frame }) }),
  });
  return latent_B1CHW.squeeze(1);
}

/** What predicts the frame after `history`, guided as the sampler says, for solvers to ask: [B 1 C H W] and a timestep. */
export function framePredictor(
  network: Network,
  history: readonly HistoryFrame[],
  action_BA: Tensor | undefined,
  scene: SceneConditioning,
  { schedule, sampler, windowLength }: Pick<FrameSettings, "schedule" | "sampler" | "windowLength">,
): Predictor {
  const window = windowOf(history, windowLength);
  const clean = window.map((past) => past.latent_BCHW);
  const actions = action_BA && [zerosLike(action_BA), ...window.slice(1).map(actionOf), action_BA];
  const conditioning = windowConditioning(clean, actions, window.length + 1, scene, schedule);
  const guided = guideRollout(network, conditioning, scene, sampler);
  const noisy_BTCHW = stack(
    window.map((past) => past.noisy_BCHW),
    { dim: 1 },
  );
  const level = historyTimestep(schedule, sampler) ?? 0;
  const predictor = (of: Network): Predictor =>
    predictorOf(newestFrame(denoiserOf(schedule, of), noisy_BTCHW, level), conditioning);
  return guidedWithin(sampler.guidanceInterval, predictor(guided), predictor(network));
}

function newestOf(history: readonly HistoryFrame[]): HistoryFrame {
  const newest = history.at(-1);
  if (newest === undefined) throw invalid("history", "at least one frame to start from", history);
  return newest;
}

/** Guidance of a rollout: away from the same window without its newest action. Nothing to guide by: no second branch. */
function guideRollout(
  network: Network,
  conditioning: Conditioning,
  scene: SceneConditioning,
  sampler: SamplerConfig,
): Network {
  const { unconditionalContext } = scene;
  if (!conditioning.actions_BTA && !unconditionalContext) return network;
  const unconditional: Unconditional = (given, batch, frames) => ({
    ...withoutNewestAction(given, batch, frames),
    ...(unconditionalContext && { context: unconditionalContext }),
  });
  const { guidanceScale: scale, guidanceRescale: rescale, batchedGuidance: batched } = sampler;
  return guide(network, unconditional, { scale, rescale, batched });
}

/** The finished frames of a window as the network is given them, for evaluations that go on from them. */
export function finishedWindow(
  window: readonly HistoryFrame[],
  scene: SceneConditioning,
  { schedule, sampler }: Pick<FrameSettings, "schedule" | "sampler">,
): { readonly x_BTCHW: Tensor; readonly levels_BT: Tensor; readonly conditioning: Conditioning } {
  const x_BTCHW = stack(
    window.map((past) => past.noisy_BCHW),
    { dim: 1 },
  );
  const clean = window.map((past) => past.latent_BCHW);
  const led = window[0]?.action_BA;
  const actions = led && [zerosLike(led), ...window.slice(1).map(actionOf)];
  const options = { dtype: "int64", device: x_BTCHW.device } as const;
  return {
    x_BTCHW,
    levels_BT: full([x_BTCHW.size(0), window.length], historyTimestep(schedule, sampler) ?? 0, options),
    conditioning: windowConditioning(clean, actions, window.length, scene, schedule),
  };
}

/** Clean frames as image condition for `frames` frames; `actions` led to them, zeros to the first: nothing did. */
function windowConditioning(
  clean: readonly Tensor[],
  actions: readonly Tensor[] | undefined,
  frames: number,
  { context, fps_B, anchor_BCHW }: SceneConditioning,
  { config }: NoiseSchedule,
): Conditioning {
  const shown = config.imageCondition === "first-frame" && anchor_BCHW ? [anchor_BCHW] : clean;
  return {
    concat_BTCHW: imageCondition(config.imageCondition, stack(shown, { dim: 1 }), frames),
    ...(actions && { actions_BTA: stack(actions, { dim: 1 }) }),
    ...(context && { context }),
    ...(fps_B && { fps_B }),
  };
}

function actionOf(past: HistoryFrame): Tensor {
  if (past.action_BA === undefined) throw invalid("history", "an action for every frame", "a frame without an action");
  return past.action_BA;
}

/** Sees the noised history before the frames it is asked about, and answers for those alone. */
function newestFrame(denoise: Denoiser, history_BTCHW: Tensor, historyLevel: number): Denoiser {
  const [batch, past] = history_BTCHW.dims("B T C H W");
  const { device } = history_BTCHW;
  return (x_BTCHW, levels_BT, conditioning) => {
    const pastLevels_BT = full([batch, past], historyLevel, { dtype: "int64", device });
    const window_BTCHW = cat([history_BTCHW, x_BTCHW], { dim: 1 });
    const clean_BTCHW = denoise(window_BTCHW, cat([pastLevels_BT, levels_BT], { dim: 1 }), conditioning);
    return clean_BTCHW.narrow(1, past, x_BTCHW.size(1));
  };
}
