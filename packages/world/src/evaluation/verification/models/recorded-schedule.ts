// The noise schedule of recorded training and sampling cases.
import * as z from "zod";

import { diffusionSchema, noiseSchedule, type NoiseSchedule } from "../../../diffusion/schedule.js";
import { optional, type FixtureSet, type Manifest } from "../fixture-set.js";

const configSchema = z.looseObject({
  config: z
    .looseObject({
      linear_start: optional(z.number()),
      linear_end: optional(z.number()),
      base_scale: optional(z.number()),
      turning_step: optional(z.int()),
      timesteps: optional(z.int()),
      rescale_betas_zero_snr: optional(z.boolean()),
      use_dynamic_rescale: z.boolean().default(true),
      parameterization: z.literal("v").default("v"),
    })
    .optional(),
});

/** The schedule of a manifest's `config`; without one, that of the training case in the same folder; else the published one. */
export function recordedSchedule(manifest: Manifest, set: FixtureSet): NoiseSchedule {
  const config = manifest.read(configSchema).config ?? set.find("train_loss")?.read(configSchema).config;
  return noiseSchedule(
    diffusionSchema.parse({
      linearStart: config?.linear_start,
      linearEnd: config?.linear_end,
      baseScale: config?.use_dynamic_rescale === false ? 1 : config?.base_scale,
      turningStep: config?.turning_step,
      numTimesteps: config?.timesteps,
      zeroTerminalSnr: config?.rescale_betas_zero_snr,
    }),
  );
}
