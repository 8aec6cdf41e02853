// The U-Net in the contiguous memory format against recorded outputs: both forms, all action encoders. `verify` runs the same cases in
// the channels-last format, and their intermediate features, losses and gradients.
import { inferenceMode, type Tensor } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { hasFixture, manifest, maxError, pick, tensors } from "../testing/fixtures.js";
import { smallUNet, swapTime, type UNetCase, type UNetManifest } from "../testing/unet-fixture.js";
import type { UNetInput } from "./unet.js";

const present = hasFixture("unet_small.json");
const cases = present ? Object.entries(manifest<UNetManifest>("unet_small.json").cases) : [];

/** Made once for each of the few networks and files that the cases share. */
function once<T>(make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (key) => {
    const found = made.get(key) ?? make(key);
    made.set(key, found);
    return found;
  };
}
const tensorsOf = once(tensors);
const networkOf = once((key) => {
  const [causal, actionDim] = JSON.parse(key) as [boolean, number | null];
  return smallUNet(causal, actionDim, { memoryFormat: "contiguous" });
});

async function inputFor(wanted: UNetCase): Promise<UNetInput> {
  const map = await tensorsOf(manifest<UNetManifest>("unet_small.json").inputs);
  const cut = (x: Tensor): Tensor => x.narrow(1, 0, wanted.T);
  const timesteps = pick(map, wanted.timesteps);
  return {
    x_BTCHW: cut(swapTime(pick(map, "x"))),
    timesteps: wanted.timesteps === "timesteps_bt" ? cut(timesteps) : timesteps,
    context: pick(map, wanted.context),
    ...(wanted.action_dim === null ? {} : { actions_BTA: cut(pick(map, `action${wanted.action_dim}`)) }),
    ...(typeof wanted.mask === "string" ? { actionMask_BT: cut(pick(map, wanted.mask)) } : {}),
    ...(wanted.fs === null ? {} : { fps_B: pick(map, wanted.fs) }),
  };
}

describe.skipIf(!present)("the U-Net against recorded outputs (skipped without the shared fixtures)", () => {
  test.each(cases)("case %s agrees", async (name, wanted) => {
    const { outputs, tolerance } = manifest<UNetManifest>("unet_small.json");
    const expected = swapTime(pick(await tensorsOf(outputs), name));
    const input = await inputFor(wanted);
    const model = await networkOf(JSON.stringify([wanted.causal, wanted.action_dim]));
    const error = maxError(
      inferenceMode(() => model.forward(input)),
      expected,
    );
    expect(error).toBeLessThanOrEqual(tolerance.abs);
  });
});
