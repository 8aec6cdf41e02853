// The training loss against the recorded one of the published code, tensor by tensor.
import { noGrad } from "@vid2world/torch";
import { diffusionLoss, lossSchema } from "@vid2world/world/diffusion/loss";
import { hasFixture, manifest, maxError, pick, tensors } from "@vid2world/world/model/testing/fixtures";
import { expect, test } from "vitest";
import { framesFirst, recordedSchedule, smallNetwork } from "./small-world.js";

interface LossManifest {
  readonly tolerance: { readonly outputs_abs: number; readonly loss_rel: number };
}

const present = ["train_loss.json", "train_loss.safetensors", "unet_small.json"].every(hasFixture);

test.skipIf(!present).each(["BT", "B"])("variant %s (skipped without the shared fixtures)", async (variant) => {
  const { tolerance } = manifest<LossManifest>("train_loss.json");
  const recorded = await tensors("train_loss.safetensors");
  const input = (name: string) => pick(recorded, `in.${name}`);
  const expected = (name: string) => pick(recorded, `out.${variant}.${name}`);
  const network = await smallNetwork(input("action").size(2));
  const batch = {
    latents_BTCHW: framesFirst(input("z")),
    actions_BTA: input("action"),
    context: input("context"),
    fps_B: input("fs"),
  };
  const got = noGrad(() =>
    diffusionLoss(network, recordedSchedule(), batch, lossSchema.parse({}), {
      levels: input(`t_${variant}`),
      noise_BTCHW: framesFirst(input("noise")),
      actionMask_BT: input("action_mask"),
    }),
  );
  expect(maxError(framesFirst(got.noisy_BTCHW), expected("x_noisy"))).toBeLessThan(1e-5);
  expect(maxError(framesFirst(got.target_BTCHW), expected("v_target"))).toBeLessThan(1e-5);
  expect(maxError(framesFirst(got.output_BTCHW), expected("model_output"))).toBeLessThan(tolerance.outputs_abs);
  const perUnit = variant === "BT" ? got.perFrame_BT : got.perFrame_BT.mean([1]);
  expect(maxError(perUnit, expected(variant === "BT" ? "loss_per_frame" : "loss_per_sample"))).toBeLessThan(
    tolerance.outputs_abs,
  );
  const loss = expected("loss").item();
  expect(Math.abs(got.loss.item() - loss)).toBeLessThan(tolerance.loss_rel * loss);
});
