// A causal network keeps its past; the published normalisation does not, and a bidirectional network not at all.
import { manualSeed, noGrad, randnLike } from "@vid2world/torch";
import { expect, test } from "vitest";
import { UNet3D } from "../model/unet/unet.js";
import { measureCausality } from "./causality.js";

function network(options: object): UNet3D {
  manualSeed(2);
  const unet = new UNet3D({
    ...{ inChannels: 4, outChannels: 2, modelChannels: 16, channelMultipliers: [1, 2], numResBlocks: 1 },
    ...{ attentionResolutions: [2], headChannels: 8, normGroups: 8, temporalLength: 4, actionDim: 3, contextDim: 6 },
    ...options,
  }).eval();
  noGrad(() => {
    for (const parameter of unet.parameters()) parameter.add_(randnLike(parameter), { alpha: 0.1 });
  });
  return unet;
}

const earlier = (unet: UNet3D): Record<string, boolean> =>
  Object.fromEntries(
    measureCausality(unet, { height: 8, width: 8 }).kinds.map(({ kind, earlier }) => [kind, earlier > 0]),
  );

test("causal statistics leave every earlier output as it is, exactly", () => {
  const report = measureCausality(network({ temporalNorm: "causal" }), { height: 8, width: 8 });
  expect(report.causal).toBe(true);
  expect(report.kinds.map(({ earlier }) => earlier)).toEqual([0, 0, 0]);
  expect(report.kinds.every(({ later, layers }) => later > 0.1 && layers > 0)).toBe(true);
  expect(report.network.map((row, k) => row.slice(0, k + 1))).toEqual([[0], [0, 0], [0, 0, 0]]);
  expect(report.network[0]?.slice(1).every((change) => change > 0)).toBe(true);
});

test("the published statistics leak, and nothing else does", () => {
  expect(earlier(network({}))).toEqual({ normalisation: true, convolution: false, attention: false });
  const report = measureCausality(network({}), { height: 8, width: 8 });
  expect(report.causal).toBe(false);
  expect(report.network[0]?.[0]).toBeGreaterThan(0);
  expect(report.kinds[0]?.worst).toMatch(/norm$/);
});

test("in a bidirectional network everything does", () => {
  expect(earlier(network({ causal: false }))).toEqual({ normalisation: true, convolution: true, attention: true });
  expect(() => measureCausality(network({}), { frames: 5 })).toThrow(/from 2 to 4/);
});
