// The layout of the U-Net's blocks.
import { describe, expect, test } from "vitest";

import { unetLayout } from "./layout.js";

const published = {
  inChannels: 8,
  modelChannels: 320,
  channelMultipliers: [1, 2, 4, 4],
  numResBlocks: 2,
  attentionResolutions: [4, 2, 1],
};

describe("the published layout", () => {
  const { input, middle, output } = unetLayout(published);

  test("has twelve input blocks, two middle blocks and twelve output blocks", () => {
    expect([input.length, middle.length, output.length]).toEqual([12, 2, 12]);
  });

  test("has no attention at the lowest resolution except in the middle", () => {
    expect(input.slice(10).every(({ parts }) => parts.join() === "residual")).toBe(true);
    expect(middle[0]?.parts).toEqual(["residual", "spatial", "temporal"]);
    expect(output[2]?.parts).toEqual(["residual", "upsample"]);
  });

  test("every output block receives its mirror image's channels on top of its own", () => {
    expect(output.map(({ inChannels }) => inChannels)).toEqual([
      2560, 2560, 2560, 2560, 2560, 1920, 1920, 1280, 960, 960, 640, 640,
    ]);
  });

  test("ends with the channels it began with", () => {
    expect(output.at(-1)?.outChannels).toBe(320);
  });
});

test("one level has neither downsampling nor upsampling", () => {
  const { input, output } = unetLayout({ ...published, channelMultipliers: [1] });
  const parts = [...input, ...output].flatMap((block) => block.parts);
  expect(parts).not.toContain("downsample");
  expect(parts).not.toContain("upsample");
});
