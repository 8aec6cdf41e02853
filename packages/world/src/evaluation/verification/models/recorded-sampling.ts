// A recorded sampling run, repeated here with its noise: whole clips at once, or frame after frame.
// Axes: B batch, T frames, C channels, H height, W width, A action channels.
import type { Tensor } from "@vid2world/torch";
import * as z from "zod";

import type { Network } from "../../../diffusion/denoiser.js";
import type { NoiseSource } from "../../../diffusion/noise.js";
import { rollout, sampleClip } from "../../../diffusion/rollout.js";
import { samplerSchema, spacings, type SamplerConfig } from "../../../diffusion/samplers/sampler-config.js";
import type { StepReport } from "../../../diffusion/samplers/solver.js";
import type { NoiseSchedule } from "../../../diffusion/schedule.js";
import { optional } from "../fixture-set.js";
import type { RecordedTensors } from "../workspace.js";
import { swapTime } from "./published-unet.js";

/** One case of a sampling manifest; whatever is left out comes from the manifest's sampler or is the format's default. */
export const samplingCaseSchema = z.looseObject({
  ar: z.boolean(),
  cond_frame: optional(z.int().min(1)),
  action_dim: optional(z.int()),
  steps: optional(z.int()),
  scale: optional(z.number()),
  gr: optional(z.number()),
  eta: optional(z.number()),
  spacing: optional(z.enum(spacings)),
  uc: optional(z.string()),
  kv: optional(z.boolean()),
  // Here null has a meaning of its own: the history stays clean.
  nsched: z.number().nullable().default(1),
  action: optional(z.string()),
});

/** A checked case. */
export type SamplingCase = z.output<typeof samplingCaseSchema>;

/** The defaults of a manifest's cases. Words in place of a number or a spacing say that the format's default holds. */
export const samplerDefaultsSchema = z.looseObject({
  S: z.int().default(5),
  scale: z.number().default(2.5),
  guidance_rescale: z.number().default(0.7),
  eta: z.union([z.number(), z.string().transform(() => 0)]).default(0),
  spacing: z.enum(spacings).catch("uniform_trailing").default("uniform_trailing"),
});

/** Checked defaults. */
export type SamplerDefaults = z.output<typeof samplerDefaultsSchema>;

/** The sampler of a case in our words. */
export function samplerOf(given: SamplingCase, defaults: SamplerDefaults): SamplerConfig {
  return samplerSchema.parse({
    numSteps: given.steps ?? defaults.S,
    spacing: given.spacing ?? defaults.spacing,
    eta: given.eta ?? defaults.eta,
    guidanceScale: given.scale ?? defaults.scale,
    guidanceRescale: given.gr ?? defaults.guidance_rescale,
    historyLevel: given.nsched === null ? "clean" : "second-step",
  });
}

/** The name of a case's actions among the inputs: its own, those of its width, or the recorded ones where it says nothing. */
export function actionsOf({ action, action_dim }: SamplingCase, input: RecordedTensors): string {
  if (action !== undefined) return `in.${action}`;
  if (action_dim !== undefined) return `in.action${action_dim}`;
  const recorded = input.names.filter((name) => /^in\.action\d+$/.test(name));
  return recorded.find((name) => name === "in.action13") ?? recorded[0] ?? "in.action13";
}

/** What a run works with. */
export interface SamplingRun {
  readonly network: Network;
  readonly schedule: NoiseSchedule;
  readonly sampler: SamplerConfig;
  /** The recorded inputs: latents, noise, contexts, actions. */
  readonly input: RecordedTensors;
  /** Name of the actions among them. */
  readonly actions: string;
  readonly onStep?: (report: StepReport & { readonly frame: number }) => void;
}

/** Samples a case. -> [B T C H W]; the first frames of an autoregressive one are the given ones. */
export async function sampleCase(given: SamplingCase, run: SamplingRun): Promise<Tensor> {
  const { network, schedule, sampler, input, actions, onStep } = run;
  const z_BTCHW = swapTime(input.get("in.z"));
  const frames = z_BTCHW.size(1);
  const fps_B = input.find("in.fs");
  const scene = {
    actions_BTA: input.get(actions),
    context: input.get("in.context"),
    ...(fps_B && { fps_B }),
    ...(given.uc !== undefined && { unconditionalContext: input.get("in.uncond_context") }),
  };
  const settings = { schedule, sampler, ...(onStep && { onStep }) };
  if (!given.ar) {
    // Frame after frame the unconditional mask is ignored, a whole clip uses it.
    const mask = given.uc === undefined ? {} : { unconditionalMask_BT: input.get("in.uncond_action_mask_random") };
    const start = { ...scene, ...mask, latents_BTCHW: z_BTCHW, numFrames: frames };
    return sampleClip(network, start, { ...settings, noise: clipNoise(input) });
  }
  const context = given.cond_frame ?? 1;
  const start = { ...scene, latents_BTCHW: z_BTCHW.narrow(1, 0, context), numFrames: frames - context };
  return rollout(network, start, { ...settings, windowLength: frames, noise: frameNoise(input, context) });
}

/** The noise of frame by frame sampling after `context` frames: [B C H W] for each purpose. */
export function frameNoise(input: RecordedTensors, context: number): NoiseSource {
  return (purpose) => {
    const { kind, frame } = purpose;
    if (kind === "start") return input.get("in.x_T").select(2, frame);
    if (kind === "step") return input.get("in.ddim_noise_ar_eta1").select(0, frame).select(0, purpose.step);
    // The newest context frame is noised again when the first new frame begins; its first noise never shows.
    return input.get(frame < context - 1 ? "in.q_noise_init" : "in.q_noise_history").select(2, frame);
  };
}

function clipNoise(input: RecordedTensors): NoiseSource {
  return (purpose) => {
    const video =
      purpose.kind === "step" ? input.get("in.ddim_noise_nar_eta1").select(0, purpose.step) : input.get("in.x_T");
    return video.select(2, purpose.frame);
  };
}
