// Rolling a world out in latent space: frame after frame over a sliding window (`rolloutFrames`, `rollout`), or a whole clip at once
// (`sampleClip`). Actions are given as recorded: entry t is taken at frame t and leads to frame t + 1.
// Axes: B batch, T frames, C channels, H height, W width, A action channels.

import { invalid } from "@vid2world/formats";
import { type Tensor, noGrad, scope, stack, zerosLike } from "@vid2world/torch";
import { shiftActions, withoutActions } from "./actions.js";
import type { Conditioning, Network } from "./denoiser.js";
import {
  type FrameSettings,
  type HistoryFrame,
  type SceneConditioning,
  noisedHistory,
  sampleFrame,
  windowOf,
} from "./frame-sampling.js";
import { guide } from "./guidance.js";
import { type RolloutMemory, remember, rememberingNetwork } from "./rollout-memory.js";
import { imageCondition } from "./image-condition.js";
import { denoiserOf } from "./parameterization.js";
import { solve } from "./samplers/solve.js";
import { type Predictor, guidedWithin, predictorOf } from "./samplers/solver.js";

/** Where a rollout starts and how far it goes. */
export interface RolloutStart extends SceneConditioning {
  /** Context frames [B T C H W], at least one. */
  readonly latents_BTCHW: Tensor;
  /** Unshifted, at least contextFrames + numFrames - 1 entries; absent for a world without actions. */
  readonly actions_BTA?: Tensor;
  /** Frames to generate. */
  readonly numFrames: number;
}

/** A generated frame. The latents belong to the receiver, who may dispose them. */
export interface RolloutFrame {
  /** Counts from the first context frame. */
  readonly frame: number;
  readonly latent_BCHW: Tensor;
}

/** Generates frame after frame; other work of the process runs between two frames. Stop by leaving the loop or by the signal. */
export async function* rolloutFrames(
  network: Network,
  start: RolloutStart,
  settings: FrameSettings,
): AsyncGenerator<RolloutFrame, void, void> {
  const contextFrames = checkStart(start);
  const { signal } = settings;
  const history = noGrad(() => contextHistory(start, contextFrames, settings));
  const anchor = settings.sampler.imageAnchor === "fixed" ? start.latents_BTCHW.select(1, 0) : undefined;
  const scene: SceneConditioning = { ...start, ...(anchor && { anchor_BCHW: anchor }) };
  let memory: RolloutMemory | undefined;
  try {
    for (let frame = contextFrames; frame < contextFrames + start.numFrames; frame++) {
      signal?.throwIfAborted();
      const remembered = noGrad(() => scope(() => remember(memory, history, frame, scene, settings)));
      if (memory !== remembered) memory?.memory.dispose();
      memory = remembered;
      const knowing = rememberingNetwork(network, memory, settings);
      const { latent_BCHW, ...made } = noGrad(() =>
        scope(() => {
          const action_BA = start.actions_BTA?.select(1, frame - 1).clone();
          const latent_BCHW = sampleFrame(knowing, history, action_BA, frame, scene, settings).clone();
          const kept_BCHW = latent_BCHW.clone();
          const noisy_BCHW = noisedHistory(latent_BCHW, frame, settings);
          return { latent_BCHW, kept_BCHW, noisy_BCHW, ...(action_BA && { action_BA }) };
        }),
      );
      const { kept_BCHW, ...rest } = made;
      history.push({ latent_BCHW: kept_BCHW, ...rest });
      while (history.length > settings.windowLength - 1) disposeFrame(history.shift());
      yield { frame, latent_BCHW };
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    history.forEach(disposeFrame);
    memory?.memory.dispose();
    anchor?.dispose();
  }
}

/** A whole rollout: context and generated frames [B T C H W]. `onFrame` sees every new frame as it is finished. */
export async function rollout(
  network: Network,
  start: RolloutStart,
  settings: FrameSettings,
  onFrame?: (frame: RolloutFrame) => void | Promise<void>,
): Promise<Tensor> {
  const generated: Tensor[] = [];
  try {
    for await (const next of rolloutFrames(network, start, settings)) {
      generated.push(next.latent_BCHW);
      await onFrame?.(next);
    }
    return scope(() => {
      const context = Array.from({ length: start.latents_BTCHW.size(1) }, (_, frame) =>
        start.latents_BTCHW.select(1, frame),
      );
      return stack([...context, ...generated], { dim: 1 });
    });
  } finally {
    for (const latent_BCHW of generated) latent_BCHW.dispose();
  }
}

/** What a whole clip is sampled from. */
export interface ClipStart extends SceneConditioning {
  /** The first frame [B 1 C H W] (further frames are ignored): the image condition. */
  readonly latents_BTCHW: Tensor;
  readonly numFrames: number;
  /** Unshifted, `numFrames` entries (the last one is not used). */
  readonly actions_BTA?: Tensor;
  /** Actions kept in the unconditional branch; absent: all dropped. */
  readonly unconditionalMask_BT?: Tensor;
}

/** Samples all frames of a clip together, at one noise level per step (no autoregression). -> [B T C H W], frame 0 sampled too */
export function sampleClip(network: Network, start: ClipStart, settings: Omit<FrameSettings, "windowLength">): Tensor {
  const { schedule, sampler, noise, signal, onStep } = settings;
  const { numFrames, context, fps_B, unconditionalContext, unconditionalMask_BT, actions_BTA } = start;
  const [b, , c, h, w] = start.latents_BTCHW.dims("B T C H W");
  const clipNoise = (purpose: { kind: "start" } | { kind: "step"; step: number }): Tensor =>
    stack(
      Array.from({ length: numFrames }, (_, frame) => noise({ ...purpose, frame }, [b, c, h, w])),
      { dim: 1 },
    );
  const { imageCondition: kind } = schedule.config;
  if (kind !== "first-frame")
    throw invalid("imageCondition", "first-frame: a clip sampled as a whole has no finished previous frames", kind);
  return noGrad(() =>
    scope(() => {
      const conditioning: Conditioning = {
        concat_BTCHW: imageCondition(kind, start.latents_BTCHW, numFrames),
        ...(actions_BTA && { actions_BTA: shiftActions(actions_BTA) }),
        ...(context && { context }),
        ...(fps_B && { fps_B }),
      };
      const { guidanceScale: scale, guidanceRescale: rescale, batchedGuidance: batched } = sampler;
      const guided = guide(
        network,
        (given, batch, frames) => ({
          ...withoutActions(given, batch, frames),
          ...(unconditionalMask_BT && { actionMask_BT: unconditionalMask_BT }),
          ...(unconditionalContext && { context: unconditionalContext }),
        }),
        { scale, rescale, batched },
      );
      const predictor = (of: Network): Predictor => predictorOf(denoiserOf(schedule, of), conditioning);
      const predict = guidedWithin(sampler.guidanceInterval, predictor(guided), predictor(network));
      return solve(predict, clipNoise({ kind: "start" }), schedule, sampler, {
        noise: (step) => clipNoise({ kind: "step", step }),
        ...(signal && { signal }),
        ...(onStep && { onStep: (report) => onStep({ ...report, frame: 0 }) }),
      });
    }),
  );
}

/** The context frames that fit the window, noised. `frame` numbers count from the first context frame. */
export function contextHistory(start: RolloutStart, contextFrames: number, settings: FrameSettings): HistoryFrame[] {
  const frames = Array.from({ length: contextFrames }, (_, frame) => frame);
  return windowOf(frames, settings.windowLength).map((frame) =>
    scope(() => {
      const latent_BCHW = start.latents_BTCHW.select(1, frame).clone();
      const led = start.actions_BTA?.select(1, Math.max(frame - 1, 0));
      const action_BA = frame > 0 ? led?.clone() : led && zerosLike(led);
      return { latent_BCHW, noisy_BCHW: noisedHistory(latent_BCHW, frame, settings), ...(action_BA && { action_BA }) };
    }),
  );
}

function disposeFrame(past: HistoryFrame | undefined): void {
  past?.latent_BCHW.dispose();
  past?.noisy_BCHW.dispose();
  past?.action_BA?.dispose();
}

function checkStart(start: RolloutStart): number {
  const [, contextFrames] = start.latents_BTCHW.dims("B T C H W");
  const needed = contextFrames + start.numFrames - 1;
  const given = start.actions_BTA?.size(1);
  if (contextFrames < 1) throw invalid("latents_BTCHW", "at least one context frame", contextFrames);
  if (given !== undefined && given < needed)
    throw invalid(
      "actions_BTA",
      `at least ${needed} actions (context ${contextFrames} + ${start.numFrames} new frames - 1)`,
      given,
    );
  return contextFrames;
}
