// Rollouts while training goes on: which held-out clips, how often, where their files go. What a rollout is scored by is not known here:
// whoever joins training and evaluation hands that in.
import path from "node:path";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import type { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import type { UNet3D } from "../model/unet/unet.js";
import { type WorldConfigInput, worldSchema } from "../world-config.js";
import { WorldModel } from "../world-model.js";
import type { SceneDescriber } from "../world-scene.js";
import type { TrainingEpisode } from "./episodes.js";
import type { TrainingListener } from "./events.js";
import type { RolloutValidationConfig } from "./rollout-settings.js";
import { type RolloutStart, rolloutStarts } from "./rollout-starts.js";
import type { LongValidation, ValidationResult } from "./validator.js";

/** One validation by rollouts. */
export interface RolloutRequest extends Pick<RolloutValidationConfig, "batch" | "metrics"> {
  /** The model as it is now, with the sampler to use. */
  readonly world: WorldModel;
  /** Frame by frame, or (a bidirectional model) all frames of a clip together. */
  readonly order: "frame-by-frame" | "whole-clip";
  readonly step: number;
  readonly starts: readonly RolloutStart[];
  /** Clips of the training data, which are shown and not measured. */
  readonly seen: readonly RolloutStart[];
  /** Frames to predict. */
  readonly frames: number;
  readonly fps: number;
  /** Folder for videos, contact sheet and numbers. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
}

/** Rolls out and scores: the part of validation that belongs to evaluation. */
export interface RolloutScorer {
  /** Throws when the signal ends it. Files of the samples are named relative to the request's folder. */
  run(request: RolloutRequest): Promise<ValidationResult>;
  /** Why metrics cannot be computed on this machine, by metric. Absent: all can. */
  missing?(metrics: readonly string[]): Readonly<Record<string, string>>;
  /** Whether a validation into this folder was completed. */
  isDone(folder: string): Promise<boolean>;
}

/** What rollouts are made with. */
export interface RolloutParts {
  readonly kind: "base" | "world";
  readonly description: WorldConfigInput;
  readonly unet: UNet3D;
  readonly autoencoder: AutoencoderKL;
  /** Of a model with a context. */
  readonly describeScene?: SceneDescriber | undefined;
  /** Held out. */
  readonly episodes: readonly TrainingEpisode[];
  /** Trained on. */
  readonly trained: readonly TrainingEpisode[];
  readonly device: Device;
  readonly seed: number;
  /** Folder of the run. */
  readonly folder: string;
  readonly scorer: RolloutScorer | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: TrainingListener | undefined;
}

/** Prepares the rollouts of a run: reads the clips, which stay in memory. */
export async function rolloutValidation(
  { every, clips, steps, batch, metrics, trainingClips, ...settings }: RolloutValidationConfig,
  { kind, description, episodes, trained, device, seed, folder, scorer, signal, onEvent, ...networks }: RolloutParts,
): Promise<LongValidation> {
  if (!scorer)
    throw invalid("scorer", "a function that scores rollouts, as the configuration has `validation`", scorer);
  if (episodes.length === 0)
    throw invalid("validation", "data that is held out (data.validationSplit) to roll out from", "none");
  const config = worldSchema.parse(description);
  const { contextFrames } = config;
  const frames = settings.frames ?? config.unet.temporalLength - contextFrames;
  const order = settings.order ?? (kind === "base" ? "whole-clip" : "frame-by-frame");
  if (kind === "base" && order !== "whole-clip")
    throw invalid("validation.order", "whole-clip for a base model, which looks ahead", order);
  if (order === "whole-clip" && contextFrames + frames !== config.unet.temporalLength)
    throw invalid(
      "validation.frames",
      `${config.unet.temporalLength - contextFrames}, what the model's window holds beside contextFrames, for whole clips`,
      frames,
    );
  if (metrics.includes("gainOverShuffled") && (config.unet.actionDim === undefined || clips < 2))
    throw invalid("validation.metrics", "gainOverShuffled only of a model with actions, on two clips or more", metrics);
  for (const [metric, reason] of Object.entries(scorer.missing?.(metrics) ?? {}))
    onEvent?.({ type: "warning", message: `validation is without ${metric}: ${reason}` });
  const starts = await rolloutStarts(episodes, { clips, contextFrames, frames, signal });
  const seen =
    trainingClips === 0 ? [] : await rolloutStarts(trained, { clips: trainingClips, contextFrames, frames, signal });
  const folderOf = (step: number): string => path.join("validation", `step-${String(step).padStart(8, "0")}`);

  return {
    every,
    async run(step, ending) {
      const sampler = steps === undefined ? {} : { numSteps: steps };
      const { unet, autoencoder, describeScene } = networks;
      const parts = { config, unet, autoencoder, ...(describeScene && { describeScene }) };
      using world = new WorldModel(parts, { device, seed, sampler });
      const { metrics: measured, samples } = await scorer.run({
        ...{ world, step, starts, seen, frames, batch, metrics, order, fps: config.frame.fps },
        folder: path.join(folder, folderOf(step)),
        signal: ending,
      });
      const inRun = samples.map((sample) => ({ ...sample, file: path.join(folderOf(step), sample.file) }));
      return { metrics: measured, samples: inRun };
    },
    isDone: (step) => scorer.isDone(path.join(folder, folderOf(step))),
  };
}
