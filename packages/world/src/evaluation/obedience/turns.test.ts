// A toy world that turns as told scores 1, one that ignores its actions 0, one that shows nothing is not counted.

import { describe, expect, test } from "vitest";
import type { EvaluatedWorld, RolloutJob } from "../evaluated-world.js";
import { measureObedience, obedienceSchema } from "./turns.js";
import { seededRandom } from "../starts.js";

const [height, width] = [32, 48];
const random = seededRandom(8);
const texture = Uint8Array.from({ length: height * 512 }, () => random() * 256);

function panorama(column: number): Uint8Array {
  return Uint8Array.from({ length: height * width * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return texture[Math.floor(pixel / width) * 512 + (pixel % width) + column] ?? 0;
  });
}

/** A world of one number per action: how far to turn to the left; `gain` is how it takes that. */
function turningWorld(gain: number, draw = panorama): EvaluatedWorld {
  return {
    name: "panorama",
    height,
    width,
    contextFrames: 2,
    actionWidth: 1,
    rollout: (jobs, { frames, onFrame }) => {
      const clips = jobs.map(({ actions_TA }) => {
        let column = 200;
        const clip = new Uint8Array(frames * height * width * 3);
        for (let t = 0; t < frames; t++) {
          column -= (actions_TA[1 + t] ?? 0) * gain;
          clip.set(draw(column), t * height * width * 3);
        }
        return clip;
      });
      for (let t = 0; t < frames; t++) onFrame?.(t);
      return Promise.resolve(clips);
    },
  };
}

const starts: RolloutJob[] = Array.from({ length: 6 }, () => ({
  context_THWC: new Uint8Array(2 * height * width * 3),
  actions_TA: new Float32Array(5),
}));
const options = { frames: 4, seed: 0, batch: 4, turns: { left: [6], right: [-6] } };

describe("measureObedience", () => {
  test("a world that turns as told obeys always, by as many pixels as told", async () => {
    const result = await measureObedience(turningWorld(1), starts, options);
    expect(obedienceSchema.parse(result)).toEqual(result);
    expect(result.left).toEqual({ pairs: 18, confident: 18, correct: 18, rate: 1, meanShift: 6 });
    expect(result.right).toEqual({ pairs: 18, confident: 18, correct: 18, rate: 1, meanShift: -6 });
    expect(result.opposite).toEqual({ starts: 6, correct: 6, rate: 1 });
    expect(result.everyStart).toEqual({ correct: 6, rate: 1 });
  });

  test("a world that turns the wrong way, or not at all, never obeys", async () => {
    for (const gain of [-1, 0]) {
      const { left, right, opposite } = await measureObedience(turningWorld(gain), starts, options);
      expect([left.rate, right.rate, opposite.rate]).toEqual([0, 0, 0]);
    }
  });

  test("a world that shows nothing has no rate", async () => {
    const { left, opposite } = await measureObedience(
      turningWorld(1, () => new Uint8Array(height * width * 3)),
      starts,
      options,
    );
    expect(left).toMatchObject({ confident: 0, rate: null, meanShift: null });
    expect(opposite).toEqual({ starts: 0, correct: 0, rate: null });
  });

  test("progress counts every predicted frame of both directions once", async () => {
    const seen: number[] = [];
    await measureObedience(turningWorld(1), starts, {
      ...options,
      onProgress: ({ done, total }) => seen.push(done / total),
    });
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});
