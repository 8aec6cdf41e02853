// The rollouts of a distillation: student and teacher look at the same frames, which the student made.
// Axes: B batch, T frames, C channels, H height, W width, A action channels, N image tokens, D width.
import { type Device, type Tensor, noGrad, randn, scope } from "@vid2world/torch";
import { type DistilledFrame, distilFrame } from "../diffusion/distillation.js";
import {
  type FrameSettings,
  type HistoryFrame,
  type SceneConditioning,
  framePredictor,
  noisedHistory,
} from "../diffusion/frame-sampling.js";
import { type RolloutMemory, remember, rememberingNetwork } from "../diffusion/rollout-memory.js";
import { contextHistory } from "../diffusion/rollout.js";
import type { SamplerConfig } from "../diffusion/samplers/sampler-config.js";
import { solve } from "../diffusion/samplers/solve.js";
import type { Predictor } from "../diffusion/samplers/solver.js";
import type { NoiseSchedule } from "../diffusion/schedule.js";
import type { UNetStream } from "../model/unet/unet-stream.js";
import type { Network } from "../diffusion/denoiser.js";
import { networkOf, streamingNetworkOf } from "../world-network.js";
import type { ClipBatch } from "./clip-source.js";

/** One of the two: a network, and how frames are sampled with it. */
export interface DistillationSide {
  readonly network: Network;
  readonly settings: FrameSettings;
}

/** Student, teacher, and where they start. */
export interface DistillationRollout {
  readonly student: DistillationSide;
  readonly teacher: DistillationSide;
  readonly contextFrames: number;
  /** Text and image tokens from those of the first frames; absent in a model without a context. */
  readonly context?: ((tokens_BND: Tensor) => Tensor) | undefined;
}

/** A network that streams, with noise from libtorch's seeded generators. */
export function distillationSide(
  stream: UNetStream,
  schedule: NoiseSchedule,
  sampler: SamplerConfig,
): DistillationSide {
  const { unet } = stream;
  const device: Device = unet.outputConv.weight.device;
  const windowLength = unet.options.temporalLength;
  const streaming = streamingNetworkOf(stream, sampler.imageTokens);
  const noise = (_: unknown, shape: readonly number[]): Tensor => randn(shape, { device });
  return {
    network: networkOf(unet, sampler.imageTokens),
    settings: { schedule, sampler, windowLength, noise, streaming },
  };
}

/** What the student said at a frame, and what the teacher makes of the same; clean latents [B 1 C H W]. */
export type Lesson = Omit<DistilledFrame, "latent_B1CHW">;

/**
 * Rolls the student out over `frames` frames after the clips' context; at each the step that `taught` chooses is compared with the teacher.
 * Run it inside a `scope`.
 */
export function rolloutLessons(
  rollout: DistillationRollout,
  batch: ClipBatch,
  frames: number,
  taught: () => number,
): Lesson[] {
  const { student, teacher, contextFrames } = rollout;
  const { history, scene, likeFrame } = startOf(batch, rollout);
  const lessons: Lesson[] = [];
  const memories = new Map<DistillationSide, RolloutMemory | undefined>();
  const predictor = (side: DistillationSide, frame: number): Predictor => {
    const before = memories.get(side);
    const memory = noGrad(() => scope(() => remember(before, history, frame, scene, side.settings)));
    before?.memory.dispose();
    memories.set(side, memory);
    const network = rememberingNetwork(side.network, memory, side.settings);
    return framePredictor(network, history, actionTo(frame, batch), scene, side.settings);
  };
  try {
    for (let frame = contextFrames; frame < contextFrames + frames; frame++) {
      const { latent_B1CHW, ...lesson } = distilFrame({
        schedule: student.settings.schedule,
        student: { predict: predictor(student, frame), sampler: student.settings.sampler },
        teacher: { predict: predictor(teacher, frame), sampler: teacher.settings.sampler },
        start_B1CHW: randn(likeFrame.shape, { device: likeFrame.device }),
        taught: taught(),
      });
      lessons.push(lesson);
      history.push(finished(latent_B1CHW.squeeze(1), frame, batch, student.settings));
    }
    return lessons;
  } finally {
    for (const memory of memories.values()) memory?.memory.dispose();
  }
}

/** Mean squared difference between the frame after real ones as `side` samples it, and as the teacher does, from the same noise. */
export function meanSquareFromTeacher(side: DistillationSide, rollout: DistillationRollout, batch: ClipBatch): number {
  const { contextFrames: frame, teacher } = rollout;
  const { history, scene, likeFrame } = startOf(batch, rollout);
  const start_B1CHW = randn(likeFrame.shape, { device: likeFrame.device });
  const sampled = ({ network, settings }: DistillationSide): Tensor => {
    const memory = scope(() => remember(undefined, history, frame, scene, settings));
    const knowing = rememberingNetwork(network, memory, settings);
    const predict = framePredictor(knowing, history, actionTo(frame, batch), scene, settings);
    try {
      return solve(predict, start_B1CHW, settings.schedule, settings.sampler);
    } finally {
      memory?.memory.dispose();
    }
  };
  return sampled(side).sub(sampled(teacher)).square().mean().item();
}

/** The context frames of clips, noised, and what stays the same for all frames. */
function startOf(batch: ClipBatch, { student: { settings }, contextFrames, context }: DistillationRollout) {
  const { latents_BTCHW, actions_BTA, tokens_BND } = batch;
  const known_BTCHW = latents_BTCHW.narrow(1, 0, contextFrames);
  const start = { latents_BTCHW: known_BTCHW, ...(actions_BTA && { actions_BTA }), numFrames: 1 };
  const likeFrame = latents_BTCHW.narrow(1, 0, 1);
  const fixed = settings.sampler.imageAnchor === "fixed";
  const scene: SceneConditioning = {
    ...(context && tokens_BND && { context: context(tokens_BND) }),
    ...(fixed && { anchor_BCHW: likeFrame.squeeze(1) }),
  };
  return { history: contextHistory(start, contextFrames, settings), scene, likeFrame };
}

/** The action that leads to a frame. */
const actionTo = (frame: number, { actions_BTA }: ClipBatch): Tensor | undefined => actions_BTA?.select(1, frame - 1);

function finished(latent_BCHW: Tensor, frame: number, batch: ClipBatch, settings: FrameSettings): HistoryFrame {
  const action_BA = actionTo(frame, batch);
  return { latent_BCHW, noisy_BCHW: noisedHistory(latent_BCHW, frame, settings), ...(action_BA && { action_BA }) };
}
