// Sums of what steps measure, on the device: nothing waits for it until someone reads.
import { cat, keep, noGrad, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";

/** Collects scalars, and vectors element by element. */
export interface StepMeter {
  add(values: Readonly<Record<string, Tensor>>, weight: number): void;
  countStep(): void;
  /** Means over the steps since the last reading, element i of a vector as `name[i]`. Waits for the device, once. */
  read(): Record<string, number>;
}

/** A meter that has seen nothing. */
export function createStepMeter(): StepMeter {
  const sums = new Map<string, Tensor>();
  let steps = 0;
  return {
    add(values, weight) {
      noGrad(() => {
        for (const [name, value] of Object.entries(values)) {
          const addend = value.detach().float();
          const sum = sums.get(name);
          if (sum) sum.add_(addend, { alpha: weight });
          else sums.set(name, keep(addend.mul(weight)));
        }
      });
    },
    countStep: () => void steps++,
    read() {
      if (sums.size === 0) return {};
      using all = noGrad(() => scope(() => cat([...sums.values()].map((sum) => sum.reshape([-1])))));
      const values = all.toTypedArray() as Float32Array;
      const names = [...sums].flatMap(([name, sum]) =>
        sum.shape.length === 0 ? [name] : Array.from({ length: sum.numel }, (_, i) => `${name}[${i}]`),
      );
      for (const sum of sums.values()) sum.dispose();
      const means = names.map((name, i) => [name, (values[i] ?? NaN) / Math.max(1, steps)] as const);
      sums.clear();
      steps = 0;
      return Object.fromEntries(means);
    },
  };
}
