// Round trips between x0, eps and v, at every level, per frame and per sample.
import { Generator, type Tensor, randn, scope, tensor } from "@vid2world/torch";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addNoise,
  denoiserOf,
  epsFromVelocity,
  epsFromX0,
  targetOf,
  velocityFromX0,
  velocityOf,
  x0FromEps,
  x0FromVelocity,
} from "./parameterization.js";
import { diffusionSchema, noiseSchedule } from "./schedule.js";

const schedule = noiseSchedule();
const noiseToOne = (seed: number): Tensor => randn([2, 3, 4, 2, 2], { generator: new Generator({ seed }) });
const largest = (a: Tensor, b: Tensor): number => Math.max(...a.sub(b).abs().toNumbers());

const levels = fc.array(fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 3, maxLength: 3 }), {
  minLength: 2,
  maxLength: 2,
});

test("x0 and eps come back from velocity at every level, the one without signal included", () => {
  fc.assert(
    fc.property(levels, fc.integer({ min: 0, max: 1e6 }), (rows, seed) => {
      scope(() => {
        const [x0, eps, levels_BT] = [noiseToOne(seed), noiseToOne(seed + 1), tensor(rows, { dtype: "int64" })];
        const x = addNoise(schedule, x0, eps, levels_BT);
        const v = velocityOf(schedule, x0, eps, levels_BT);
        expect(largest(x0FromVelocity(schedule, x, v, levels_BT), x0)).toBeLessThan(5e-6);
        expect(largest(epsFromVelocity(schedule, x, v, levels_BT), eps)).toBeLessThan(5e-6);
        // Division by s (at least 0.029) magnifies rounding.
        expect(largest(epsFromX0(schedule, x, x0, levels_BT), eps)).toBeLessThan(1e-4);
        expect(largest(velocityFromX0(schedule, x, x0, levels_BT), v)).toBeLessThan(1e-4);
        return [];
      });
    }),
    { numRuns: 50 },
  );
});

test("x0 comes back from eps where there is signal", () => {
  scope(() => {
    const [x0, eps, levels_BT] = [
      noiseToOne(1),
      noiseToOne(2),
      tensor(
        [
          [0, 300, 600],
          [10, 20, 800],
        ],
        { dtype: "int64" },
      ),
    ];
    const x = addNoise(schedule, x0, eps, levels_BT);
    expect(largest(x0FromEps(schedule, x, eps, levels_BT), x0)).toBeLessThan(1e-4);
    return [];
  });
});

test("one level per sample means that level for every frame", () => {
  scope(() => {
    const [x0, eps] = [noiseToOne(3), noiseToOne(4)];
    const perSample = addNoise(schedule, x0, eps, tensor([17, 600], { dtype: "int64" }));
    const perFrame = addNoise(
      schedule,
      x0,
      eps,
      tensor(
        [
          [17, 17, 17],
          [600, 600, 600],
        ],
        { dtype: "int64" },
      ),
    );
    expect(largest(perSample, perFrame)).toBe(0);
    return [];
  });
});

test("a network of any parameterization that hits its target is a perfect denoiser", () => {
  for (const parameterization of ["v", "eps", "x0"] as const) {
    const own = noiseSchedule(diffusionSchema.parse({ parameterization, zeroTerminalSnr: false }));
    scope(() => {
      const [x0, eps, levels_BT] = [
        noiseToOne(5),
        noiseToOne(6),
        tensor(
          [
            [0, 300, 600],
            [10, 20, 800],
          ],
          { dtype: "int64" },
        ),
      ];
      const denoise = denoiserOf(own, (_, asked_BT) => targetOf(own, x0, eps, asked_BT));
      expect(largest(denoise(addNoise(own, x0, eps, levels_BT), levels_BT, {}), x0), parameterization).toBeLessThan(
        1e-4,
      );
      return [];
    });
  }
});
