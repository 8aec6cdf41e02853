// The training loss with every gradient, and the optimiser's first steps.
// Axes: B batch, T frames.
import { readSafetensorsHeader } from "@vid2world/formats";
import { scope, type Tensor } from "@vid2world/torch";

import { atLevels } from "../../../diffusion/level-tables.js";
import { compareNumbers, compareRecorded, compareTensors, refuted, type Check, type Tolerance } from "../check.js";
import { tensorFile } from "../fixture-set.js";
import { findUNet, swapTime } from "../models/published-unet.js";
import {
  lossOf,
  recordedTraining,
  trainingSchema,
  type RecordedTraining,
  type TrainingManifest,
} from "../models/recorded-training.js";
import { skipped, type CaseKind, type RecordedCase } from "../recorded-case.js";
import { OPTIMISED, optimizerChecks } from "./train-steps.js";

/** Gradients that are nothing but rounding. */
const LEAST_GRADIENT = 1e-7;

/** Loss and gradients of each variant of the timesteps, then the optimiser's steps on one of them. */
export const trainLoss: CaseKind = {
  name: "train_loss",
  async cases(manifest, set) {
    const parsed = manifest.read(trainingSchema);
    const unet = findUNet(set);
    if (unet === undefined) return [skipped("all", "needs unet_small in the same folder")];
    const names = [...(await readSafetensorsHeader(tensorFile(manifest))).tensors.keys()];
    const variants = names.flatMap((name) => /^in\.t_(\w+)$/.exec(name)?.[1] ?? []);
    const steps = variants.includes(OPTIMISED) && names.some((name) => name.startsWith("out.adamw"));
    const losses = variants.map((variant): RecordedCase => ({
      name: `loss and gradients ${variant}`,
      usesDtype: true,
      run: async (workspace) => {
        const training = await recordedTraining(workspace, manifest, set, unet);
        // Some recordings hold the gradients that the optimiser's last step left behind: those are compared with the steps.
        const later = steps && variant === OPTIMISED && !recordsTheLoss(training, parsed, variant);
        return scope(() => [
          ...lossChecks(training, parsed, variant),
          ...(later ? [] : gradientChecks(training, parsed, variant)),
        ]);
      },
    }));
    if (!steps) return losses;
    const run: RecordedCase["run"] = async (workspace) => {
      const training = await recordedTraining(workspace, manifest, set, unet);
      return optimizerChecks(training, parsed, recordsTheLoss(training, parsed, OPTIMISED));
    };
    return [...losses, { name: "AdamW steps", usesDtype: true, run }];
  },
};

/** Computes the loss, compares it and everything on the way, and leaves its gradients in the parameters. */
function lossChecks(training: RecordedTraining, manifest: TrainingManifest, variant: string): Check[] {
  const { recorded, schedule } = training;
  const got = lossOf(training, variant);
  const outputs = { abs: manifest.tolerance.outputs_abs };
  const relative = { rel: manifest.tolerance.loss_rel };
  const scale = atLevels(schedule, "scale", recorded.get(`in.t_${variant}`));
  const compare = (name: string, actual: Tensor, tolerance: Tolerance): Check[] =>
    compareRecorded(recorded, `out.${variant}.${name}`, () => actual, tolerance);
  const checks = [
    ...compare("scale", swapTime(scale), outputs),
    ...compare("x_start_scaled", swapTime(swapTime(recorded.get("in.z")).mul(scale)), outputs),
    ...compare("x_noisy", swapTime(got.noisy_BTCHW), outputs),
    ...compare("v_target", swapTime(got.target_BTCHW), outputs),
    ...compare("model_output", swapTime(got.output_BTCHW.detach()), outputs),
    ...compare("loss_per_frame", got.perFrame_BT, outputs),
    ...compare("loss_per_sample", got.perFrame_BT.mean([1]), outputs),
    ...compare("loss", got.loss.detach().reshape([1]), relative),
    ...infoChecks(manifest, variant, got.loss.item(), relative),
  ];
  got.loss.backward();
  return [...checks, ...normChecks(training, manifest, variant)];
}

/** The loss again, as the published program logged it. */
function infoChecks({ info }: TrainingManifest, variant: string, loss: number, tolerance: Tolerance): Check[] {
  const logged = Object.entries((info[variant] as Record<string, unknown> | undefined) ?? {});
  return logged
    .filter(([key, value]) => /loss(_simple)?$/.test(key) && typeof value === "number")
    .map(([key, value]) => compareNumbers(`info.${variant}.${key}`, [loss], [value as number], tolerance));
}

function normChecks({ model, map }: RecordedTraining, manifest: TrainingManifest, variant: string): Check[] {
  const norms = new Map([...model.namedParameters()].map(([key, { grad }]) => [map.toOriginal(key), normOf(grad)]));
  const total = Math.hypot(...norms.values());
  const tolerance = { abs: LEAST_GRADIENT, rel: manifest.tolerance.grad_rel_norm };
  return Object.entries(manifest.grad_norms[variant] ?? {}).map(([name, expected]) => {
    const label = `grad_norms.${variant}.${name}`;
    const norm = name === "TOTAL" ? total : norms.get(name);
    return norm === undefined
      ? refuted(label, "no such parameter here")
      : compareNumbers(label, [norm], [expected], tolerance);
  });
}

function gradientChecks(training: RecordedTraining, manifest: TrainingManifest, variant: string): Check[] {
  const { recorded, model, map } = training;
  const parameters = model.namedParameters();
  return [...recorded.below(`out.${variant}.grad.`)].map(([name, expected]) => {
    const label = `out.${variant}.grad.${name}`;
    const gradient = parameters.get(map.toOurs(name) ?? "")?.grad;
    const tolerance = { abs: LEAST_GRADIENT, rel: manifest.tolerance.grad_rel_norm };
    return gradient === undefined
      ? refuted(label, "no such parameter here")
      : compareTensors(label, gradient, expected, tolerance);
  });
}

/**
 * Whether the recorded gradient tensors are those of the loss, as their norms in the manifest say. A recorder that kept references instead
 * of copies stored what a later optimiser step wrote over them; most norms are then others (one changed tensor does not decide).
 */
function recordsTheLoss({ recorded }: RecordedTraining, { grad_norms }: TrainingManifest, variant: string): boolean {
  const norms = grad_norms[variant] ?? {};
  const votes = [...recorded.below(`out.${variant}.grad.`)].flatMap(([name, gradient]) => {
    const expected = norms[name];
    return expected === undefined ? [] : [Math.abs(normOf(gradient) - expected) <= 0.01 * expected + LEAST_GRADIENT];
  });
  return votes.filter(Boolean).length * 2 >= votes.length;
}

/** Euclidean norm in float64; a parameter without a gradient has none to measure. */
function normOf(gradient: Tensor | undefined): number {
  return gradient === undefined ? 0 : scope(() => gradient.to("float64").square().sum().sqrt().item());
}
