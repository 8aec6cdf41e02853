// Shapes and options of the tiny decoder, and the keys of the published ones.
import { manualSeed, randn } from "@vid2world/torch";
import { describe, expect, test } from "vitest";
import { tinyDecoderKeyMap } from "../key-maps/tiny-decoder.js";
import { maxError } from "../testing/fixtures.js";
import { tinyDecoderSchema } from "./options.js";
import { TinyDecoder } from "./tiny-decoder.js";

const small = { channels: [8, 4, 4], blocks: [1, 0, 1] };

describe("the tiny decoder", () => {
  test("doubles the size at every level but the last", () => {
    const decoder = new TinyDecoder(small);
    expect(decoder.downscale).toBe(4);
    expect(decoder.forward(randn([2, 4, 3, 5])).shape).toEqual([2, 3, 12, 20]);
  });

  test("computes the same in both memory formats", () => {
    manualSeed(1);
    const decoder = new TinyDecoder(small);
    const contiguous = new TinyDecoder({ ...small, memoryFormat: "contiguous" });
    contiguous.loadStateDict(decoder.stateDict());
    const latents = randn([1, 4, 4, 4]);
    expect(maxError(decoder.forward(latents), contiguous.forward(latents))).toBeLessThan(1e-5);
  });

  test("latents far out of range saturate", () => {
    const decoder = new TinyDecoder(small);
    const far = randn([1, 4, 2, 2]).sign().mul(100);
    expect(maxError(decoder.forward(far), decoder.forward(far.mul(10)))).toBeLessThan(1e-6);
  });

  test("every parameter receives a gradient", () => {
    manualSeed(1);
    const decoder = new TinyDecoder(small);
    decoder
      .forward(randn([1, 4, 4, 4]))
      .square()
      .mean()
      .backward();
    for (const [name, parameter] of decoder.namedParameters()) expect(parameter.grad, name).toBeDefined();
  });

  test("as many block counts as levels are required", () => {
    expect(() => tinyDecoderSchema.parse({ channels: [8, 8], blocks: [1] })).toThrow(/as many entries/);
  });
});

/** The keys of `taesd_decoder` files, by their number in the sequence. */
const published = (): string[] => {
  const both = (name: string): string[] => [`${name}.weight`, `${name}.bias`];
  const block = (index: number): string[] => ["0", "2", "4"].flatMap((conv) => both(`${index}.conv.${conv}`));
  const blocks = [3, 4, 5, 8, 9, 10, 13, 14, 15, 18];
  return [...both("1"), ...blocks.flatMap(block), ...[7, 12, 17].map((index) => `${index}.weight`), ...both("19")];
};

test("the default's keys are those of the published decoders, one to one", () => {
  const keys = [...new TinyDecoder().stateDict().keys()];
  const map = tinyDecoderKeyMap("taesd");
  expect(keys.map((key) => map.toOriginal(key)).toSorted()).toEqual(published().toSorted());
  for (const key of keys) expect(map.toOurs(map.toOriginal(key) ?? "")).toBe(key);
  // diffusers leaves the limit of the latents out of the sequence.
  const shifted = published().map((key) => key.replace(/^\d+/, (index) => `decoder.layers.${Number(index) - 1}`));
  const diffusers = tinyDecoderKeyMap("diffusers");
  expect(keys.map((key) => diffusers.toOriginal(key)).toSorted()).toEqual(shifted.toSorted());
});
