// The training loss, its gradients and two optimiser steps against recorded values. The loss is written out here: only the network is tested.
// Axes: B batch, C channels, T frames, H height, W width.
import { AdamW, cat, clipGradNorm, manualSeed, mseLoss, noGrad, zerosLike, type Tensor } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { unetKeyMap } from "../key-maps/unet.js";
import { below, hasFixture, manifest, maxError, pick, tensors } from "../testing/fixtures.js";
import { smallUNet, swapTime } from "../testing/unet-fixture.js";
import type { UNet3D } from "./unet.js";

interface Manifest {
  readonly grad_norms: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly info: Readonly<Record<string, number>>;
  readonly adamw?: { lr: number; betas: [number, number]; eps: number; weight_decay: number; clip_norm: number };
  readonly tolerance: { readonly outputs_abs: number; readonly loss_rel: number; readonly grad_rel_norm: number };
}

/** Relative to the largest element of a gradient. */
const GRADIENT_TOLERANCE = 1e-3;
/** The second step follows an update of about lr * sign(gradient), which turns rounding of tiny gradients into differences of 2 lr. */
const SECOND_STEP_TOLERANCE = 1e-2;

type Fixture = ReadonlyMap<string, Tensor>;

/** The network's prediction for one variant (BT: a timestep per frame, B: one per clip). */
function predict(model: UNet3D, fixture: Fixture, variant: string): Tensor {
  const noisy = swapTime(pick(fixture, `out.${variant}.x_noisy`));
  const first = swapTime(pick(fixture, "in.z")).narrow(1, 0, 1);
  const actions = pick(fixture, "in.action");
  const frames = actions.size(1);
  // Entry t of the shifted actions led to frame t; the mask is not shifted.
  const shifted = cat([zerosLike(actions.narrow(1, 0, 1)), actions.narrow(1, 0, frames - 1)], { dim: 1 });
  return model.forward({
    x_BTCHW: cat([noisy, first.expand([...noisy.shape])], { dim: 2 }),
    timesteps: pick(fixture, `in.t_${variant}`),
    context: pick(fixture, "in.context"),
    actions_BTA: shifted,
    actionMask_BT: pick(fixture, "in.action_mask"),
    fps_B: pick(fixture, "in.fs"),
  });
}

const lossOf = (model: UNet3D, fixture: Fixture, variant: string): Tensor =>
  mseLoss(predict(model, fixture, variant), swapTime(pick(fixture, `out.${variant}.v_target`)));

const relative = (actual: number, expected: number): number => Math.abs(actual - expected) / Math.abs(expected);

async function smallModel(fixture: Fixture): Promise<UNet3D> {
  return smallUNet(true, pick(fixture, "in.action").size(2));
}

const load = (): Promise<Map<string, Tensor>> => tensors("train_loss.safetensors");

describe.skipIf(!hasFixture("train_loss.json"))("training (skipped without the shared fixtures)", () => {
  test.each(["BT", "B"])("loss and all gradients agree, timesteps %s", async (variant) => {
    const { grad_norms, tolerance } = manifest<Manifest>("train_loss.json");
    const fixture = await load();
    const model = await smallModel(fixture);
    const output = predict(model, fixture, variant);
    const outputError = maxError(output, swapTime(pick(fixture, `out.${variant}.model_output`)));
    expect(outputError).toBeLessThanOrEqual(tolerance.outputs_abs);
    const loss = mseLoss(output, swapTime(pick(fixture, `out.${variant}.v_target`)));
    loss.backward();
    expect(relative(loss.item(), pick(fixture, `out.${variant}.loss`).item())).toBeLessThanOrEqual(tolerance.loss_rel);

    const map = unetKeyMap(model.options);
    const parameters = new Map(
      [...model.namedParameters()].map(([key, value]) => [map.toOriginal(key) as string, value]),
    );
    const norms = grad_norms[variant] ?? {};
    for (const [name, parameter] of parameters) {
      const norm = (parameter.grad as Tensor).to("float64").square().sum().sqrt().item();
      const expected = norms[name] as number;
      const allowed = tolerance.grad_rel_norm * expected + 1e-7;
      expect(Math.abs(norm - expected), name).toBeLessThanOrEqual(allowed);
    }
    // The gradients recorded under BT are not these: see the test of the optimiser.
    const recorded = variant === "B" ? below(fixture, "out.B.grad.") : new Map<string, Tensor>();
    for (const [name, expected] of recorded) {
      const error = maxError(parameters.get(name)?.grad as Tensor, expected);
      expect(error, name).toBeLessThanOrEqual(GRADIENT_TOLERANCE * expected.abs().amax().item());
    }
  });

  test("two steps of AdamW with clipping agree", async () => {
    manualSeed(0);
    const { info, adamw } = manifest<Manifest>("train_loss.json");
    const settings = adamw ?? { lr: 1e-3, betas: [0.9, 0.999] as const, eps: 1e-8, weight_decay: 0.01, clip_norm: 0.5 };
    const fixture = await load();
    const model = await smallModel(fixture);
    const { lr, betas, eps, weight_decay, clip_norm } = settings;
    const optimizer = new AdamW(model.parameters(), { learningRate: lr, betas, eps, weightDecay: weight_decay });
    const map = unetKeyMap(model.options);
    const clearSoFar = new Map<string, Tensor>();
    for (const step of [1, 2]) {
      model.zeroGrad();
      const loss = lossOf(model, fixture, "BT");
      if (step === 2) expect(relative(loss.item(), info["loss_before_step2"] as number)).toBeLessThan(1e-3);
      loss.backward();
      const norm = clipGradNorm(model.parameters(), clip_norm).item();
      // The recorder kept references, so the gradients that it stored under BT are those of the second step after clipping: their
      // norms (0.278 for the output convolution) are not those of the manifest (0.796), which are the first step's.
      for (const [name, expected] of step === 2 ? below(fixture, "out.BT.grad.") : []) {
        const gradient = model.namedParameters().get(map.toOurs(name) as string)?.grad as Tensor;
        const worst = expected.abs().amax().item();
        expect(maxError(gradient, expected), name).toBeLessThanOrEqual(SECOND_STEP_TOLERANCE * worst);
      }
      expect(relative(norm, info[`clip_total_norm_step${step}`] as number)).toBeLessThan(5e-3);
      optimizer.step();
      for (const [name, expected] of below(fixture, `out.adamw${step}.`)) {
        const parameter = model.stateDict().get(map.toOurs(name) as string) as Tensor;
        // Adam's first steps are about lr * sign(gradient): where the gradient is all but zero its sign is rounding.
        const clear = (parameter.grad as Tensor).abs().ge(1e-6);
        clearSoFar.set(name, step === 1 ? clear : clear.logicalAnd(pick(clearSoFar, name)));
        const error = parameter.detach().sub(expected).abs();
        expect(error.amax().item(), `${name} after step ${step}`).toBeLessThanOrEqual(step * 2 * lr);
        const clearError = error.mul(pick(clearSoFar, name)).amax().item();
        expect(clearError, `${name} after step ${step}`).toBeLessThanOrEqual(2e-4);
      }
    }
    const after = noGrad(() => lossOf(model, fixture, "BT")).item();
    expect(relative(after, info["loss_after_step2"] as number)).toBeLessThan(1e-3);
  });
});
