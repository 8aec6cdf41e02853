// Finds steps that must not change the weights, on the device: the step is left out there, and what was wrong is read when it suits.
// Axes: P gradients.
import { keep, noGrad, scope, stack } from "@vid2world/torch";
import type { ClippedGradients, Tensor } from "@vid2world/torch";

/** What became of one step. */
export interface StepVerdict {
  readonly step: number;
  /** Nothing was changed: the gradient was not finite, or its norm above the limit. */
  readonly leftOut: boolean;
  readonly loss: number;
  /** Norm of the whole gradient before clipping. */
  readonly gradientNorm: number;
  /** Factor of the loss in that step; 1 unless the precision is float16. */
  readonly lossScale: number;
  /** The first parameter, in the model's order, whose gradient is not finite. */
  readonly parameter?: string;
}

/** Looks at every step and remembers what it saw. */
export interface StepWatch {
  /**
   * Whether the step has to be left out: a boolean scalar on the device. Equal gradients give equal answers on every rank. `scale` is the
   * loss's factor, a scalar on the device; absent: 1.
   */
  judge(step: number, loss: Tensor, gradients: ClippedGradients, scale?: Tensor): Tensor;
  /** The verdicts on the steps since the last reading, in their order. Waits for the device. */
  read(): StepVerdict[];
}

/**
 * @param names of the parameters, in the order in which they are clipped.
 * @param maxGradientNorm steps with a larger norm are left out; Infinity: only what is not finite.
 */
export function createStepWatch(names: readonly string[], maxGradientNorm = Infinity): StepWatch {
  let seen: { step: number; positions: readonly number[]; facts: Tensor }[] = [];
  return {
    judge(step, loss, { norm, norms_P, positions }, scale) {
      return noGrad(() =>
        scope(() => {
          // A loss that is not finite makes the gradient so too; the gradient is what all ranks share.
          const wrong = norm.isfinite().logicalNot();
          const leftOut = maxGradientNorm === Infinity ? wrong : wrong.logicalOr(norm.gt(maxGradientNorm));
          const first = norms_P.numel === 0 ? norm : norms_P.isfinite().logicalNot().float().argmax().float();
          const facts = stack([leftOut.float(), loss.detach().float(), norm, first, ...(scale ? [scale] : [])]);
          seen.push({ step, positions, facts: keep(facts) });
          return leftOut;
        }),
      );
    },
    read() {
      const verdicts = seen.map(({ step, positions, facts }): StepVerdict => {
        const [leftOut = 0, loss = 0, gradientNorm = 0, first = 0, lossScale = 1] = facts.toNumbers();
        facts.dispose();
        const parameter = Number.isFinite(gradientNorm) ? undefined : names[positions[first] ?? -1];
        const found = { step, leftOut: leftOut !== 0, loss, gradientNorm, lossScale };
        return { ...found, ...(parameter !== undefined && { parameter }) };
      });
      seen = [];
      return verdicts;
    },
  };
}
