// Training of the video diffusion model and of the world model: the diffusion loss over clips of cached latents.
// Axes: B batch, T frames, C channels, H height, W width, A action channels.
import { noGrad, scope } from "@vid2world/torch";
import type { Module } from "@vid2world/torch";
import type { Network } from "../diffusion/denoiser.js";
import { diffusionLoss } from "../diffusion/loss.js";
import type { LossConfig } from "../diffusion/loss.js";
import type { NoiseSchedule } from "../diffusion/schedule.js";
import { seedTensors } from "./draws.js";
import { nameClips } from "./episode-table.js";
import { sampleClips, validationClips } from "./latents.js";
import type { ClipBatch, LatentTable } from "./latents.js";
import { levelParts } from "./loss-by-level.js";
import type { Objective } from "./objective.js";
import { phase } from "./phases.js";

/** What a diffusion model is trained with. */
export interface DenoisingOptions {
  readonly module: Module;
  /** Calls `module` on noisy latents. */
  readonly network: Network;
  readonly schedule: NoiseSchedule;
  readonly loss: LossConfig;
  readonly latents: LatentTable;
  /** Held-out latents; absent: no validation. */
  readonly validation?: LatentTable | undefined;
  /** Whether the network is told the actions. */
  readonly useActions: boolean;
  readonly batchSize: number;
  /** Frames of a clip. */
  readonly frames: number;
}

/** Clips of one validation: enough for a steady mean, few enough for a second of work on a small model. */
const VALIDATION_CLIPS = 32;

/** The diffusion loss of random clips. */
export function denoisingObjective(options: DenoisingOptions): Objective {
  const { module, network, schedule, loss: config, latents, validation, batchSize, frames } = options;
  const lossOf = (clips: ClipBatch): ReturnType<typeof diffusionLoss> => {
    const { latents_BTCHW, actions_BTA } = clips;
    const batch = { latents_BTCHW, ...(options.useActions && actions_BTA && { actions_BTA }) };
    return diffusionLoss(network, schedule, batch, config);
  };
  const objective: Objective = {
    module,
    frames: batchSize * frames,
    samples: (draw) => nameClips(latents.spans, draw, batchSize, frames),
    losses(draw) {
      const found = lossOf(phase("loading", () => sampleClips(latents, draw, batchSize, frames)));
      return { total: found.loss, parts: levelParts(found, schedule.numTimesteps) };
    },
  };
  if (!validation) return objective;
  return {
    ...objective,
    // The same clips, noise and levels each time, so that two validations differ by the weights alone.
    validate: () =>
      noGrad(() =>
        scope(() => {
          seedTensors(0, 0);
          return { loss: lossOf(validationClips(validation, VALIDATION_CLIPS, frames)).loss.item() };
        }),
      ),
  };
}
