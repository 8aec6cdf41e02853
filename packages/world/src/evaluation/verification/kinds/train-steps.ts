// The first steps of AdamW on the recorded batch, with the gradients clipped by their joint norm.
import { AdamW, clipGradNorm, keep, noGrad, scope, where, type Tensor } from "@vid2world/torch";

import { compareNumbers, compareTensors, refuted, severity, type Check } from "../check.js";
import { lossOf, type RecordedTraining, type TrainingManifest } from "../models/recorded-training.js";

/** The variant of the timesteps on which the steps are taken. */
export const OPTIMISED = "BT";

const PARAMETER_TOLERANCE = 2e-4;
/** Below this a gradient's sign is rounding, and Adam's first steps are about `lr * sign(gradient)`. */
const CLEAR_GRADIENT = 1e-6;
/** After the first step the rounding of tiny gradients has become differences of up to two learning rates in the parameters. */
const LATER_LOSS = { rel: 1e-3 };
const LATER_NORM = { rel: 5e-3 };
const LATER_GRADIENT = { abs: 1e-7, rel: 1e-2 };

/** What a gradient may be: the recorder says that of the loss, and may have stored what a later step wrote over it. */
interface Meaning {
  readonly what: string;
  readonly checks: readonly Check[];
}

/**
 * Takes as many steps as were recorded and compares losses, norms and parameters. Where the recorded gradients are not those of the loss
 * (`gradientsAreOfTheLoss` false) they must be those of a step, before or after clipping; the note of the check says which.
 */
export function optimizerChecks(
  training: RecordedTraining,
  manifest: TrainingManifest,
  gradientsAreOfTheLoss: boolean,
): Check[] {
  const { recorded, model } = training;
  const { lr, betas, eps, weight_decay, clip_norm } = manifest.adamw;
  const optimizer = new AdamW(model.parameters(), { learningRate: lr, betas, eps, weightDecay: weight_decay });
  const recordedSteps = recorded.names.flatMap((name) => Number(/^out\.adamw(\d+)\./.exec(name)?.[1] ?? 0));
  const last = Math.max(...recordedSteps);
  const clear = new Map<string, Tensor>();
  const checks: Check[] = [];
  const meanings: Meaning[] = [];
  try {
    for (let step = 1; step <= last; step++) {
      model.zeroGrad();
      const loss = scope(() => {
        const { loss } = lossOf(training, OPTIMISED);
        loss.backward();
        return loss.item();
      });
      const remember = (what: string): void => {
        if (!gradientsAreOfTheLoss) meanings.push({ what, checks: gradientChecks(training) });
      };
      remember(`gradients of step ${step}`);
      const norm = scope(() => clipGradNorm(model.parameters(), clip_norm).item());
      remember(`gradients of step ${step} after clipping`);
      const exact = { rel: manifest.tolerance.grad_rel_norm };
      checks.push(...infoCheck(manifest, `clip_total_norm_step${step}`, norm, step === 1 ? exact : LATER_NORM));
      checks.push(...infoCheck(manifest, `loss_before_step${step}`, loss, LATER_LOSS));
      optimizer.step();
      checks.push(...noGrad(() => parameterChecks(training, step, lr, clear)));
    }
    const after = noGrad(() => scope(() => lossOf(training, OPTIMISED).loss.item()));
    checks.push(...infoCheck(manifest, `loss_after_step${last}`, after, LATER_LOSS));
  } finally {
    for (const mask of clear.values()) mask.dispose();
    model.zeroGrad();
  }
  return [...checks, ...closest(meanings)];
}

function infoCheck({ info }: TrainingManifest, key: string, actual: number, tolerance: { rel: number }): Check[] {
  const expected = info[key];
  return typeof expected === "number" ? [compareNumbers(`info.${key}`, [actual], [expected], tolerance)] : [];
}

/** `clear` remembers between the steps where every gradient so far had a sign worth the name. */
function parameterChecks(training: RecordedTraining, step: number, lr: number, clear: Map<string, Tensor>): Check[] {
  const { recorded, model, map } = training;
  const parameters = model.namedParameters();
  return [...recorded.below(`out.adamw${step}.`)].map(([name, expected]) => {
    const label = `out.adamw${step}.${name}`;
    const parameter = parameters.get(map.toOurs(name) ?? "");
    if (parameter === undefined) return refuted(label, "no such parameter here");
    return scope(() => {
      const value = parameter.detach().to(expected.dtype);
      const sure = parameter.grad?.abs().ge(CLEAR_GRADIENT) ?? value.ne(value);
      const before = clear.get(name);
      const soFar = keep(before === undefined ? sure.clone() : sure.logicalAnd(before));
      before?.dispose();
      clear.set(name, soFar);
      // Where the sign is not sure, anything within two learning rates per step is right.
      const near = value
        .sub(expected)
        .abs()
        .le(2 * lr * step);
      const excused = near.logicalAnd(soFar.logicalNot());
      return compareTensors(label, where(excused, expected, value), expected, { abs: PARAMETER_TOLERANCE });
    });
  });
}

function gradientChecks({ recorded, model, map }: RecordedTraining): Check[] {
  const parameters = model.namedParameters();
  return [...recorded.below(`out.${OPTIMISED}.grad.`)].map(([name, expected]) => {
    const label = `out.${OPTIMISED}.grad.${name}`;
    return scope(() => {
      const gradient = parameters.get(map.toOurs(name) ?? "")?.grad;
      if (gradient === undefined) return refuted(label, "no such parameter here");
      return compareTensors(label, gradient, expected, LATER_GRADIENT);
    });
  });
}

/** The meaning that fits best, noted on its checks. One for all tensors: otherwise a wrong one might find a meaning of its own. */
function closest(meanings: readonly Meaning[]): Check[] {
  const worst = ({ checks }: Meaning): number =>
    checks.map(severity).sort((a, b) => a - b)[Math.floor(checks.length / 2)] ?? Infinity;
  const [best] = [...meanings].sort((a, b) => worst(a) - worst(b));
  if (best === undefined) return [];
  return best.checks.map((check) => ({ note: `recorded: ${best.what}`, ...check }));
}
