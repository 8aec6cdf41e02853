// Training of the video diffusion model and of the world model: the diffusion loss over clips of latents, stored or encoded live.
// Axes: B batch, T frames, C channels, H height, W width, A action channels, N image tokens, D width.
import { noGrad, scope } from "@vid2world/torch";
import type { Module, Tensor } from "@vid2world/torch";
import type { Network } from "../diffusion/denoiser.js";
import { type DiffusionLoss, diffusionLoss } from "../diffusion/loss.js";
import type { LossConfig } from "../diffusion/loss.js";
import type { NoiseSchedule } from "../diffusion/schedule.js";
import { type ClipBatch, type ClipSource, randomClips } from "./clip-source.js";
import { clipTable, spreadClips } from "./clip-table.js";
import { seedTensors } from "./draws.js";
import { levelParts } from "./loss-by-level.js";
import type { Objective } from "./objective.js";
import type { TrainingSettings } from "./settings.js";
import { inPrecision } from "./train-step.js";

/** What a diffusion model is trained with. */
export interface DenoisingOptions {
  readonly module: Module;
  /** Calls `module` on noisy latents. */
  readonly network: Network;
  readonly schedule: NoiseSchedule;
  readonly loss: LossConfig;
  readonly clips: ClipSource;
  /** Held-out clips; absent: no validation. */
  readonly validation?: ClipSource | undefined;
  /** Text and image tokens from those of the first frames, dropped at random where asked for; absent in a model without a context. */
  readonly context?: ((tokens_BND: Tensor, dropped: boolean) => Tensor) | undefined;
  /** Whether the network is told the actions. */
  readonly useActions: boolean;
  /** Validation computes as training does: in batches of `batchSize`, on this device, in this precision. */
  readonly settings: Pick<TrainingSettings, "batchSize" | "device" | "precision">;
}

/** Clips of one validation: enough for a steady mean, few enough for a second of work on a small model. */
const VALIDATION_CLIPS = 32;

/** The diffusion loss of random clips. */
export async function denoisingObjective(options: DenoisingOptions): Promise<Objective> {
  const { module, network, schedule, loss: config, clips, validation, context, settings } = options;
  const { batchSize } = settings;
  const lossOf = ({ latents_BTCHW, actions_BTA, tokens_BND }: ClipBatch, dropped: boolean): DiffusionLoss => {
    const batch = {
      latents_BTCHW,
      ...(options.useActions && actions_BTA && { actions_BTA }),
      ...(context && tokens_BND && { context: context(tokens_BND, dropped) }),
    };
    return diffusionLoss(network, schedule, batch, config);
  };
  const objective: Objective = {
    module,
    ...randomClips(clips, batchSize),
    losses(_, raw) {
      const found = lossOf(clips.clips(raw), true);
      return { total: found.loss, parts: levelParts(found, schedule.numTimesteps) };
    },
  };
  if (!validation) return objective;
  const places = spreadClips(clipTable(validation.episodes, validation.frames), VALIDATION_CLIPS);
  const pieces: { readonly raw: unknown; readonly count: number }[] = [];
  for (let i = 0; i < places.length; i += batchSize) {
    const some = places.slice(i, i + batchSize);
    pieces.push({ raw: await validation.read(some), count: some.length });
  }
  return {
    ...objective,
    // The same clips, noise and levels each time, so that two validations differ by the weights alone.
    validate: () =>
      noGrad(() => {
        seedTensors(0, 0);
        const sums = pieces.map(({ raw, count }) =>
          scope(() => inPrecision(settings, () => lossOf(validation.clips(raw), false).loss).item() * count),
        );
        return { loss: sums.reduce((total, sum) => total + sum) / places.length };
      }),
  };
}
