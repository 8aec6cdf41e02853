// The loss: zero for a network that knows the answer, and each of its rules on its own.
import { Generator, type Tensor, liveTensors, ones, randn, scope, tensor, zerosLike } from "@vid2world/torch";
import { expect, test } from "vitest";
import { actionDropoutMask, shiftActions } from "./actions.js";
import type { Conditioning, Network } from "./denoiser.js";
import { diffusionLoss, lossSchema } from "./loss.js";
import { sampleLevels } from "./noise-levels.js";
import { noiseSchedule } from "./schedule.js";

const schedule = noiseSchedule();
const draw = (seed: number, shape = [2, 5, 4, 3, 3]): Tensor => randn(shape, { generator: new Generator({ seed }) });
const batch = { latents_BTCHW: draw(1), actions_BTA: draw(2, [2, 5, 3]) };
const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array, Number);

test("a network that answers with the target has loss zero, another one the mean square of the difference", () => {
  scope(() => {
    const draws = {
      levels: tensor(
        [
          [0, 10, 500, 900, 999],
          [1, 2, 3, 4, 5],
        ],
        { dtype: "int64" },
      ),
      noise_BTCHW: draw(3),
    };
    const silent: Network = (x) => zerosLike(x);
    const { target_BTCHW, loss, perFrame_BT } = diffusionLoss(silent, schedule, batch, lossSchema.parse({}), draws);
    expect(loss.item()).toBeCloseTo(target_BTCHW.square().mean().item(), 5);
    expect(perFrame_BT.shape).toEqual([2, 5]);
    const known = diffusionLoss(() => target_BTCHW, schedule, batch, lossSchema.parse({}), draws);
    expect(known.loss.item()).toBe(0);
    return [];
  });
});

test("the network sees per-frame levels, frame 0 repeated and unscaled, shifted actions and an unshifted mask", () => {
  scope(() => {
    const seen: { levels?: Tensor; conditioning?: Conditioning } = {};
    const spy: Network = (x, levels, conditioning) => {
      Object.assign(seen, { levels, conditioning });
      return zerosLike(x);
    };
    const mask = tensor([
      [1, 1, 0, 1, 1],
      [1, 0, 1, 1, 1],
    ]);
    const levels = tensor(
      [
        [0, 10, 500, 900, 999],
        [1, 2, 3, 4, 5],
      ],
      { dtype: "int64" },
    );
    diffusionLoss(spy, schedule, batch, lossSchema.parse({}), { levels, actionMask_BT: mask });
    expect(seen.levels?.shape).toEqual([2, 5]);
    const { concat_BTCHW, actions_BTA, actionMask_BT } = seen.conditioning ?? {};
    expect(concat_BTCHW?.shape).toEqual([2, 5, 4, 3, 3]);
    expect(numbers(concat_BTCHW?.select(1, 4) as Tensor)).toEqual(numbers(batch.latents_BTCHW.select(1, 0)));
    expect(numbers(actions_BTA?.select(1, 0) as Tensor)).toEqual(Array(6).fill(0));
    expect(numbers(actions_BTA?.select(1, 4) as Tensor)).toEqual(numbers(batch.actions_BTA.select(1, 3)));
    expect(actionMask_BT).toBe(mask);
    return [];
  });
});

test("levels are independent per frame, or one per clip", () => {
  scope(() => {
    const generator = new Generator({ seed: 1 });
    const perFrame = numbers(sampleLevels("per-frame", 64, 8, 1000, { generator }).levels);
    expect(new Set(perFrame).size).toBeGreaterThan(300);
    expect(Math.min(...perFrame)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...perFrame)).toBeLessThan(1000);
    const perSample = sampleLevels("per-sample", 64, 8, 1000, { generator }).levels;
    expect(numbers(perSample.select(1, 0))).toEqual(numbers(perSample.select(1, 7)));
    expect(new Set(numbers(perSample)).size).toBeGreaterThan(40);
    return [];
  });
});

test("a continuation has a nearly clean beginning of random length, and only its end is scored", () => {
  scope(() => {
    const { levels, scored_BT } = sampleLevels("continuation", 64, 8, 1000, { generator: new Generator({ seed: 3 }) });
    const lengths = new Set<number>();
    for (let clip = 0; clip < 64; clip++) {
      const scored = numbers((scored_BT as Tensor).select(0, clip));
      const beginning = scored.indexOf(1);
      expect(beginning).toBeGreaterThanOrEqual(1);
      expect(scored).toEqual(scored.map((_, frame) => (frame < beginning ? 0 : 1)));
      expect(Math.max(...numbers(levels.select(0, clip)).slice(0, beginning))).toBeLessThan(50);
      lengths.add(beginning);
    }
    expect(lengths.size).toBe(7);
    expect(Math.max(...numbers(levels))).toBeGreaterThan(900);
    return [];
  });
});

test("actions are dropped at the given rate, timestep by timestep or clip by clip", () => {
  scope(() => {
    const generator = new Generator({ seed: 2 });
    const kept = actionDropoutMask(400, 10, 0.2, { generator });
    expect(kept.mean().item()).toBeCloseTo(0.8, 1);
    const clips = actionDropoutMask(400, 10, 0.2, { generator, perTimestep: false });
    expect(numbers(clips.select(1, 0))).toEqual(numbers(clips.select(1, 9)));
    expect(actionDropoutMask(4, 4, 0).mean().item()).toBe(1);
    return [];
  });
});

test("shifting drops the last action and puts nothing before the first frame", () => {
  expect(numbers(shiftActions(tensor([[[1], [2], [3]]])))).toEqual([0, 1, 2]);
});

test("gradients reach the network, equal seeds give equal losses, and no tensor is left behind", () => {
  const weight = ones([1]).requiresGrad_();
  const step = (): number =>
    scope(() => {
      const network: Network = (x) => x.mul(weight);
      const { loss } = diffusionLoss(network, schedule, batch, lossSchema.parse({}), {
        generator: new Generator({ seed: 7 }),
      });
      loss.backward();
      return [loss.item()];
    })[0] as number;
  const first = step();
  expect(weight.grad?.item()).not.toBe(0);
  const before = liveTensors();
  for (let i = 0; i < 20; i++) expect(step()).toBe(first);
  expect(liveTensors()).toBe(before);
});
