// The training loss and the gradient of every parameter against the recorded ones of the published code, computed as training computes
// them: in training mode, plainly and with blocks recomputed. (`vid2world verify` compares the same batch in evaluation mode.)
import { renameState } from "@vid2world/world/model/key-maps/key-map";
import { unetKeyMap } from "@vid2world/world/model/key-maps/unet";
import { diffusionLoss, lossSchema } from "@vid2world/world/diffusion/loss";
import { hasFixture, manifest, maxError, pick, tensors } from "@vid2world/world/model/testing/fixtures";
import { smallUNet } from "@vid2world/world/model/testing/unet-fixture";
import { networkOf } from "@vid2world/world/world-network";
import { beforeAll, describe, expect, test } from "vitest";
import type { Tensor } from "@vid2world/torch";
import { framesFirst, recordedSchedule } from "./small-world.js";

interface LossManifest {
  readonly tolerance: { readonly outputs_abs: number; readonly loss_rel: number; readonly grad_rel_norm: number };
  /** L2 norms by published name, for each variant of the timesteps; TOTAL is that of all together. */
  readonly grad_norms: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const present = ["train_loss.json", "train_loss.safetensors", "unet_small.json"].every(hasFixture);
/** Gradients that are nothing but rounding. */
const LEAST_GRADIENT = 1e-7;

describe.skipIf(!present)("in training mode (skipped without the shared fixtures)", () => {
  let recorded: ReadonlyMap<string, Tensor>;
  beforeAll(async () => {
    recorded = await tensors("train_loss.safetensors");
  });
  const input = (name: string): Tensor => pick(recorded, `in.${name}`);

  test.each([
    ["BT", false],
    ["BT", true],
    ["B", false],
    ["B", true],
  ] as const)("timesteps %s, blocks recomputed: %s", async (variant, checkpointing) => {
    const { tolerance, grad_norms } = manifest<LossManifest>("train_loss.json");
    // The cases were recorded without dropout.
    const without = { dropout: 0, temporalConvDropout: 0 };
    const unet = (await smallUNet(true, input("action").size(2), { ...without, checkpointing })).train();
    const batch = {
      latents_BTCHW: framesFirst(input("z")),
      actions_BTA: input("action"),
      context: input("context"),
      fps_B: input("fs"),
    };
    const { loss, perFrame_BT } = diffusionLoss(networkOf(unet), recordedSchedule(), batch, lossSchema.parse({}), {
      levels: input(`t_${variant}`),
      noise_BTCHW: framesFirst(input("noise")),
      actionMask_BT: input("action_mask"),
    });
    const perUnit = variant === "BT" ? perFrame_BT : perFrame_BT.mean([1]);
    const each = pick(recorded, `out.${variant}.${variant === "BT" ? "loss_per_frame" : "loss_per_sample"}`);
    expect(maxError(perUnit, each)).toBeLessThan(tolerance.outputs_abs);
    const expected = pick(recorded, `out.${variant}.loss`).item();
    expect(Math.abs(loss.item() - expected)).toBeLessThan(tolerance.loss_rel * expected);

    loss.backward();
    const gradients = new Map([...unet.namedParameters()].map(([name, { grad }]) => [name, grad]));
    const { state, unknown } = renameState(gradients, unetKeyMap(unet.options), "toOriginal");
    expect(unknown).toEqual([]);
    const norms = new Map(
      [...state].map(([name, gradient]) => [name, gradient?.to("float64").square().sum().sqrt().item() ?? 0]),
    );
    norms.set("TOTAL", Math.hypot(...norms.values()));
    const recordedNorms = grad_norms[variant] ?? {};
    expect([...norms.keys()].sort()).toEqual(Object.keys(recordedNorms).sort());
    const wrong = Object.entries(recordedNorms).filter(
      ([name, norm]) => !(Math.abs((norms.get(name) ?? NaN) - norm) <= LEAST_GRADIENT + tolerance.grad_rel_norm * norm),
    );
    expect(wrong).toEqual([]);
  });
});
