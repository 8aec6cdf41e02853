// Conversions between clean latents x0, noise eps and velocity v, per frame: x = a x0 + s eps and v = a eps - s x0, where
// a = sqrt(alpha bar) and s = sqrt(1 - alpha bar) (arXiv:2202.00512 appendix D). Levels are timesteps [B T], or [B] for one per sample.
// Latents are [B T C H W]; results have their dtype, widened to float32 where the latents are narrower.

import type { Tensor } from "@vid2world/torch";
import type { Denoiser, Network } from "./denoiser.js";
import { atLevels } from "./level-tables.js";
import type { NoiseSchedule } from "./schedule.js";

/** Noisy latents: a x0 + s eps. */
export function addNoise(schedule: NoiseSchedule, x0: Tensor, eps: Tensor, levels: Tensor): Tensor {
  return combine(schedule, levels, x0, eps, 1);
}

/** Velocity of clean latents and noise: a eps - s x0. */
export function velocityOf(schedule: NoiseSchedule, x0: Tensor, eps: Tensor, levels: Tensor): Tensor {
  return combine(schedule, levels, eps, x0, -1);
}

/** Clean latents from velocity: a x - s v. Defined at every level. */
export function x0FromVelocity(schedule: NoiseSchedule, x: Tensor, v: Tensor, levels: Tensor): Tensor {
  return combine(schedule, levels, x, v, -1);
}

/** Noise from velocity: a v + s x. Defined at every level. */
export function epsFromVelocity(schedule: NoiseSchedule, x: Tensor, v: Tensor, levels: Tensor): Tensor {
  return combine(schedule, levels, v, x, 1);
}

/** Clean latents from noise: (x - s eps) / a. Infinite where no signal is left (alpha bar 0). */
export function x0FromEps(schedule: NoiseSchedule, x: Tensor, eps: Tensor, levels: Tensor): Tensor {
  const s = atLevels(schedule, "sqrtOneMinusAlphasBar", levels);
  return x.sub(eps.mul(s)).div(atLevels(schedule, "sqrtAlphasBar", levels));
}

/** Noise from clean latents: (x - a x0) / s. */
export function epsFromX0(schedule: NoiseSchedule, x: Tensor, x0: Tensor, levels: Tensor): Tensor {
  const a = atLevels(schedule, "sqrtAlphasBar", levels);
  return x.sub(x0.mul(a)).div(atLevels(schedule, "sqrtOneMinusAlphasBar", levels));
}

/** Velocity from clean latents: (a x - x0) / s. */
export function velocityFromX0(schedule: NoiseSchedule, x: Tensor, x0: Tensor, levels: Tensor): Tensor {
  const a = atLevels(schedule, "sqrtAlphasBar", levels);
  return x
    .mul(a)
    .sub(x0)
    .div(atLevels(schedule, "sqrtOneMinusAlphasBar", levels));
}

/** What a network of the schedule's parameterization should put out for these clean latents and this noise. */
export function targetOf(schedule: NoiseSchedule, x0: Tensor, eps: Tensor, levels: Tensor): Tensor {
  const { parameterization } = schedule.config;
  switch (parameterization) {
    case "v":
      return velocityOf(schedule, x0, eps, levels);
    case "eps":
      return eps;
    case "x0":
      return x0;
    default:
      return parameterization satisfies never;
  }
}

/** Wraps a network of the schedule's parameterization into a denoiser. */
export function denoiserOf(schedule: NoiseSchedule, network: Network): Denoiser {
  const { parameterization } = schedule.config;
  return (x_BTCHW, levels_BT, conditioning) => {
    const output = network(x_BTCHW, levels_BT, conditioning);
    switch (parameterization) {
      case "v":
        return x0FromVelocity(schedule, x_BTCHW, output, levels_BT);
      case "eps":
        return x0FromEps(schedule, x_BTCHW, output, levels_BT);
      case "x0":
        return output;
      default:
        return parameterization satisfies never;
    }
  };
}

/** a first + sign s second. */
function combine(schedule: NoiseSchedule, levels: Tensor, first: Tensor, second: Tensor, sign: 1 | -1): Tensor {
  const a = atLevels(schedule, "sqrtAlphasBar", levels);
  const s = atLevels(schedule, "sqrtOneMinusAlphasBar", levels);
  return first.mul(a).add(second.mul(s), { alpha: sign });
}
