// Whether libtorch has the fused AdamW kernel for a device: asked once per device, by running it on one element.

import { has } from "../binding.js";
import { zeros } from "../creation.js";
import type { Device } from "../dtype.js";
import { TorchError } from "../errors.js";
import { _fusedAdamw_ } from "../generated/ops.js";
import { scope } from "../scope.js";

const works = new Map<Device, boolean>();

/** The operator's name alone does not tell: versions differ in the devices that they implement it for. */
export function fusedAdamwWorks(device: Device): boolean {
  let answer = works.get(device);
  if (answer === undefined) {
    answer = has("_fused_adamw_") && probe(device);
    works.set(device, answer);
  }
  return answer;
}

function probe(device: Device): boolean {
  return scope(() => {
    const one = (): ReturnType<typeof zeros> => zeros([1], { device });
    try {
      _fusedAdamw_([one()], [one()], [one()], [one()], [], [zeros([], { device })], 0, 0, 0, 0, 1, false, false);
      return true;
    } catch (error) {
      if (error instanceof TorchError) return false;
      throw error;
    }
  });
}
