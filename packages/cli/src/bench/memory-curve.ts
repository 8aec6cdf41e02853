// Many sampling or training steps in a row, with looks at the memory between them.
import { liveBytes, liveTensors, type Tensor } from "@vid2world/torch";
import type { Network } from "@vid2world/world/diffusion/denoiser";
import { seededNoise } from "@vid2world/world/diffusion/noise";
import { rolloutFrames } from "@vid2world/world/diffusion/rollout";
import { samplerSchema } from "@vid2world/world/diffusion/samplers/sampler-config";
import type { NoiseSchedule } from "@vid2world/world/diffusion/schedule";
import { processMemory } from "./process-memory.js";
import type { MemoryPoint } from "./protocol.js";

/** Denoising steps per frame: frames are where a rollout makes and frees what it keeps. */
const STEPS_PER_FRAME = 10;

async function look(step: number): Promise<MemoryPoint> {
  const { residentKiB } = await processMemory();
  return { step, liveTensors: liveTensors(), liveBytes: liveBytes(), residentKiB };
}

/** Looks during `steps` calls of `step`. */
export async function trainingCurve(
  step: () => Promise<void> | void,
  steps: number,
  every: number,
): Promise<MemoryPoint[]> {
  const points: MemoryPoint[] = [];
  for (let done = 1; done <= steps; done++) {
    await step();
    if (done % every === 0) points.push(await look(done));
  }
  return points;
}

/** What a rollout of one clip needs. */
export interface SamplingParts {
  readonly network: Network;
  readonly schedule: NoiseSchedule;
  readonly latents_BTCHW: Tensor;
  readonly actions_BTA: Tensor;
  readonly windowLength: number;
}

/** Looks during one long rollout of the first clip. */
export async function samplingCurve(parts: SamplingParts, steps: number, every: number): Promise<MemoryPoint[]> {
  const { network, schedule, windowLength } = parts;
  const numFrames = Math.ceil(steps / STEPS_PER_FRAME);
  const latents_BTCHW = parts.latents_BTCHW.narrow(0, 0, 1).narrow(1, 0, 1).clone();
  const actions_BTA = parts.actions_BTA
    .narrow(0, 0, 1)
    .narrow(1, 0, 1)
    .repeat([1, numFrames + 1, 1]);
  const settings = {
    schedule,
    sampler: samplerSchema.parse({ numSteps: STEPS_PER_FRAME, historyLevel: 20 }),
    windowLength,
    noise: seededNoise([0]),
  };
  const points: MemoryPoint[] = [];
  let done = 0;
  for await (const { latent_BCHW } of rolloutFrames(network, { latents_BTCHW, actions_BTA, numFrames }, settings)) {
    latent_BCHW.dispose();
    done += STEPS_PER_FRAME;
    if (done % every === 0) points.push(await look(done));
  }
  return points;
}
