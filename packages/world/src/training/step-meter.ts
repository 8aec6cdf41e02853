// Sums of what steps measure, on the device: nothing waits for it until someone reads.
import { invalid } from "@vid2world/formats";
import { cat, keep, noGrad, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";

/** Collects scalars, and vectors element by element. */
export interface StepMeter {
  /** Adds to the values of the step in progress. */
  add(values: Readonly<Record<string, Tensor>>, weight: number): void;
  /** A value of the step in progress, so far. */
  current(name: string): Tensor;
  /** Ends the step. `leftOut`, a boolean scalar on the device, says whether it counts for nothing. */
  endStep(leftOut: Tensor): void;
  /**
   * Means over the steps since the last reading that counted, element i of a vector as `name[i]`; empty where none did. Waits for the
   * device, once.
   */
  read(): Record<string, number>;
}

/** A meter that has seen nothing. */
export function createStepMeter(): StepMeter {
  const current = new Map<string, Tensor>();
  const sums = new Map<string, Tensor>();
  const addTo = (totals: Map<string, Tensor>, name: string, addend: Tensor, weight: number): void => {
    const total = totals.get(name);
    if (total) total.add_(addend, { alpha: weight });
    else totals.set(name, keep(addend.mul(weight)));
  };
  const clear = (totals: Map<string, Tensor>): void => {
    for (const total of totals.values()) total.dispose();
    totals.clear();
  };
  return {
    add(values, weight) {
      noGrad(() =>
        scope(() => {
          for (const [name, value] of Object.entries(values)) addTo(current, name, value.detach().float(), weight);
        }),
      );
    },
    current(name) {
      const value = current.get(name);
      if (value === undefined) throw invalid("name", "a value of this step", name);
      return value;
    },
    endStep(leftOut) {
      noGrad(() =>
        scope(() => {
          addTo(sums, STEPS, leftOut.logicalNot().float(), 1);
          for (const [name, value] of current) addTo(sums, name, value.maskedFill(leftOut, 0), 1);
        }),
      );
      clear(current);
    },
    read() {
      if (sums.size === 0) return {};
      using all = noGrad(() => scope(() => cat([...sums.values()].map((sum) => sum.reshape([-1])))));
      const values = all.toTypedArray() as Float32Array;
      const names = [...sums].flatMap(([name, sum]) =>
        sum.shape.length === 0 ? [name] : Array.from({ length: sum.numel }, (_, i) => `${name}[${i}]`),
      );
      clear(sums);
      const steps = values[names.indexOf(STEPS)] ?? 0;
      if (steps === 0) return {};
      const means = names.map((name, i) => [name, (values[i] ?? NaN) / steps] as const);
      return Object.fromEntries(means.filter(([name]) => name !== STEPS));
    },
  };
}

/** The steps that counted, among the sums. */
const STEPS = "steps that count";
