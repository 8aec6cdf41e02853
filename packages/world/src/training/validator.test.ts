// When validations take place, with which weights, and that an interrupted one is made up for.
import { expect, test } from "vitest";
import { Ema, Linear, noGrad } from "@vid2world/torch";
import type { TrainingEvent } from "./events.js";
import type { LongValidation, ValidationResult } from "./validator.js";
import { createValidator } from "./validator.js";

function setUp({ done = [] as number[], signal = undefined as AbortSignal | undefined, fail = "" } = {}) {
  const module = new Linear(1, 1);
  noGrad(() => module.weight.fill_(1));
  const ema = new Ema(module.namedParameters(), { decay: 0.5, warmup: false });
  noGrad(() => module.weight.fill_(3)); // trained on; the average stays 1
  const events: TrainingEvent[] = [];
  const weights: number[] = [];
  const long: LongValidation = {
    every: 4,
    async run(step): Promise<ValidationResult> {
      await Promise.resolve();
      weights.push(module.weight.item());
      if (fail) throw new Error(fail);
      const video = { name: "a", file: `a-${step}.mp4`, height: 1, width: 1, fps: 8, frames_THWC: new Uint8Array(3) };
      return { metrics: { psnr: step }, samples: [video] };
    },
    isDone: (step) => Promise.resolve(done.includes(step)),
  };
  const objective = {
    module,
    losses: () => ({ total: module.weight }),
    validate: () => ({ loss: module.weight.item() }),
  };
  const validator = createValidator({
    ...{ objective, ema, every: 2, long, signal },
    onEvent: (event) => events.push(event),
  });
  return { validator, events, weights, module };
}

test("short and long validations come at their own pace, use the moving average, and leave the weights as they were", async () => {
  const { validator, events, weights, module } = setUp();
  const found = [];
  for (let step = 1; step <= 5; step++) found.push(await validator.after(step));
  expect(found).toEqual([undefined, { loss: 1 }, undefined, { loss: 1, psnr: 4 }, undefined]);
  expect(weights).toEqual([1]);
  expect(module.weight.item()).toBe(3);
  expect(module.training).toBe(true);
  expect(events.map(({ type }) => type)).toEqual(["validation", "validation", "samples"]);
  expect(await validator.atEnd(6)).toEqual({ loss: 1, psnr: 6 });
  expect(await validator.atEnd(6)).toBeUndefined();
});

test("a resumed run makes up for a long validation that was not completed", async () => {
  expect(await setUp().validator.resumed(4)).toEqual({ psnr: 4 });
  expect(await setUp({ done: [4] }).validator.resumed(4)).toBeUndefined();
  expect(await setUp().validator.resumed(5)).toBeUndefined();
  expect(await setUp().validator.resumed(0)).toBeUndefined();
});

test("ended by the signal it is no failure, any other error is one, and both put the weights back", async () => {
  const ended = setUp({ signal: AbortSignal.abort(), fail: "ended" });
  expect(await ended.validator.after(4)).toEqual({ loss: 1 });
  expect(ended.module.weight.item()).toBe(3);
  const failed = setUp({ fail: "no space" });
  await expect(failed.validator.after(4)).rejects.toThrow("no space");
  expect(failed.module.weight.item()).toBe(3);
});
