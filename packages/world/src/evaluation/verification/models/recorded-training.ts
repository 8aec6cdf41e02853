// The recorded training batch: its network, its schedule, and the loss that is computed from them here.
// Axes: B batch, T frames, A action channels.
import { onesLike } from "@vid2world/torch";
import * as z from "zod";

import { diffusionLoss, lossSchema, type DiffusionLoss } from "../../../diffusion/loss.js";
import type { NoiseSchedule } from "../../../diffusion/schedule.js";
import type { KeyMap } from "../../../model/key-maps/key-map.js";
import { unetKeyMap } from "../../../model/key-maps/unet.js";
import type { UNet3D } from "../../../model/unet/unet.js";
import { networkOf } from "../../../world-network.js";
import { tensorFile, type FixtureSet, type Manifest } from "../fixture-set.js";
import type { RecordedTensors, Workspace } from "../workspace.js";
import { recordedUNet, swapTime } from "./published-unet.js";
import { recordedSchedule } from "./recorded-schedule.js";

const adamwSchema = z
  .looseObject({
    lr: z.number().default(1e-3),
    betas: z.tuple([z.number(), z.number()]).default([0.9, 0.999]),
    eps: z.number().default(1e-8),
    weight_decay: z.number().default(0.01),
    clip_norm: z.number().default(0.5),
  })
  .prefault({});

/** The manifest of the training case. */
export const trainingSchema = z.looseObject({
  grad_norms: z.record(z.string(), z.record(z.string(), z.number())).default({}),
  info: z.record(z.string(), z.unknown()).default({}),
  adamw: adamwSchema,
  tolerance: z
    .looseObject({
      outputs_abs: z.number().default(5e-4),
      loss_rel: z.number().default(1e-4),
      grad_rel_norm: z.number().default(2e-3),
    })
    .prefault({}),
});

/** Checked manifest of the training case. */
export type TrainingManifest = z.output<typeof trainingSchema>;

/** The batch with everything that its loss needs. */
export interface RecordedTraining {
  readonly recorded: RecordedTensors;
  readonly model: UNet3D;
  readonly map: KeyMap;
  readonly schedule: NoiseSchedule;
}

/** Loads the batch and builds its network, for actions as wide as the recorded ones. */
export async function recordedTraining(
  workspace: Workspace,
  manifest: Manifest,
  set: FixtureSet,
  unet: Manifest,
): Promise<RecordedTraining> {
  const recorded = await workspace.load(tensorFile(manifest));
  const actionDim = recorded.get("in.action").size(2);
  const model = await recordedUNet(workspace, unet, { causal: true, actionDim });
  return { recorded, model, map: unetKeyMap(model.options), schedule: recordedSchedule(manifest, set) };
}

/** The loss of the batch with one variant of its timesteps: BT has one per frame, B one per clip. */
export function lossOf({ recorded, model, schedule }: RecordedTraining, variant: string): DiffusionLoss {
  const actions_BTA = recorded.get("in.action");
  const fps_B = recorded.find("in.fs");
  const batch = {
    latents_BTCHW: swapTime(recorded.get("in.z")),
    actions_BTA,
    context: recorded.get("in.context"),
    ...(fps_B && { fps_B }),
  };
  return diffusionLoss(networkOf(model), schedule, batch, lossSchema.parse({}), {
    levels: recorded.get(`in.t_${variant}`),
    noise_BTCHW: swapTime(recorded.get("in.noise")),
    actionMask_BT: recorded.find("in.action_mask") ?? onesLike(actions_BTA.select(2, 0)),
  });
}
