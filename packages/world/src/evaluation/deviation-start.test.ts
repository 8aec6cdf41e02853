// A comparison of streaming with whole windows starts as any rollout does: encoded and described by the world, from data or from nothing.
import { type Tensor, liveTensors, ones } from "@vid2world/torch";
import { expect, test } from "vitest";
import { deviationStart, disposeStart, drawnClip, randomClip } from "./deviation-start.js";
import { measureDeviation, usualVariants } from "./deviation.js";
import { tinySource, tinyWorld } from "./protocols/tiny-domain.js";

const use = { frames: 3, seed: 4 };

test("a world with text and image tokens is told of its scene, by the picture and by its reconstruction", async () => {
  const tokens = (value: number) => ones([1, 8, 6]).mul(value);
  const world = tinyWorld({
    ...{ domain: "csgo", temporalLength: 4 },
    scene: {
      contextDim: 6,
      describe: (_, reconstruction) => ({
        context: tokens(0.5),
        ...(reconstruction && { unconditionalContext: tokens(reconstruction().mean().item()) }),
      }),
    },
  });
  const start = deviationStart(world, randomClip(world, use), use);
  // Of the tokens their keys and values.
  for (const told of [start.context, start.unconditionalContext]) {
    expect(told?.shape.slice(0, 2)).toEqual([1, 8]);
    expect(world.parts.unet.foldContext(told as Tensor)).toBe(told);
  }
  expect(start.actions_BTA?.shape).toEqual([1, 4, 51]);
  const found = await measureDeviation(world, start, usualVariants(4).slice(2));
  expect(found[0]?.frames).toHaveLength(3);
  // Not zero: guidance compares with other tokens, and the past is remembered with the scene's own.
  expect(found[0]?.frames.every((distance) => distance > 0 && distance < 1)).toBe(true);
  disposeStart(start);
});

test("clips are drawn by seed from those that are long enough and fit the world", async () => {
  const world = tinyWorld({ domain: "rt1" });
  const source = tinySource("rt1", [
    { name: "short", start: 0, available: 3 },
    { name: "long", start: 0, available: 5 },
  ]);
  const latents = async (): Promise<unknown> => {
    const start = deviationStart(world, await drawnClip(world, source, use), use);
    try {
      return start.latents_BTCHW.toTypedArray();
    } finally {
      disposeStart(start);
    }
  };
  const first = await latents();
  const before = liveTensors();
  expect(await latents()).toEqual(first);
  expect(liveTensors()).toBe(before);
  expect(source.reads).toEqual(["long", "long"]);
  await expect(drawnClip(world, source, { frames: 9, seed: 0 })).rejects.toThrow(/at least one of 11 frames/);
  await expect(drawnClip(tinyWorld({ domain: "csgo" }), source, use)).rejects.toThrow(/actions of 51 numbers/);
});
