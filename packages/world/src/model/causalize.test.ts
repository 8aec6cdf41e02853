// Weight transfer: against recorded transfers, against a least-squares fit, and on a whole network.
import { manualSeed, randn, type Tensor } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import {
  causalizeUNet,
  extrapolationWeight,
  transferMatrix,
  transferWeight,
  type WeightTransfer,
} from "./causalize.js";
import { hasFixture, maxError, tensors } from "./testing/fixtures.js";
import { UNet3D } from "./unet/unet.js";

describe.skipIf(!hasFixture("causal_conv.safetensors"))(
  "recorded transfers (skipped without the shared fixtures)",
  () => {
    test("every recorded kernel and mode agrees", async () => {
      const map = await tensors("causal_conv.safetensors");
      let compared = 0;
      for (const [key, weight] of map) {
        if (!key.startsWith("wt.") || !key.endsWith(".in")) continue;
        for (const transfer of ["shift", "masked", "extrapolative"] as const) {
          const expected = map.get(key.replace(/in$/, transfer));
          if (expected === undefined) continue;
          expect(maxError(transferWeight(weight, { transfer }), expected), `${key} ${transfer}`).toBeLessThanOrEqual(
            1e-6,
          );
          compared++;
        }
      }
      expect(compared).toBeGreaterThanOrEqual(10);
    });
  },
);

describe("the transfer matrix", () => {
  test("kernel 3 fitted to two frames is the published rule", () => {
    expect(transferMatrix(3)).toEqual([
      [0, 0, 0],
      [1, 0, -1],
      [0, 1, 2],
    ]);
  });

  test("a signal that is linear in time is extrapolated exactly, for every kernel and window", () => {
    for (const kernel of [3, 5, 7]) {
      for (let window = 2; window <= kernel; window++) {
        const matrix = transferMatrix(kernel, { regressionWindow: window });
        const signal = (t: number): number => 0.7 - 1.3 * t;
        const reach = (kernel - 1) / 2;
        for (let from = 0; from < kernel; from++) {
          // A kernel that reads only old tap `from` must still read the signal at that tap's offset.
          const read = matrix.reduce((sum, shares, tap) => sum + (shares[from] as number) * signal(tap - 2 * reach), 0);
          expect(read).toBeCloseTo(signal(from - reach), 10);
        }
      }
    }
  });

  test("the shares of an extrapolation add up to one", () => {
    for (const window of [1, 2, 3, 5]) {
      const shares = Array.from({ length: window }, (_, back) => extrapolationWeight(2, back, window));
      expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    }
  });

  test("an even kernel and a window longer than the kernel are refused", () => {
    expect(() => transferMatrix(4)).toThrow(/kernel/);
    expect(() => transferMatrix(3, { regressionWindow: 4 })).toThrow(/regressionWindow/);
  });
});

describe("a whole network", () => {
  const options = {
    inChannels: 4,
    outChannels: 2,
    modelChannels: 8,
    channelMultipliers: [1],
    numResBlocks: 1,
  } as const;
  const base = (): UNet3D =>
    new UNet3D({
      ...options,
      channelMultipliers: [1],
      attentionResolutions: [1],
      headChannels: 8,
      normGroups: 4,
      causal: false,
    });

  test.each(["shift", "masked", "extrapolative"] as const)(
    "%s changes the causal kernels and nothing else",
    (transfer: WeightTransfer) => {
      manualSeed(2);
      const model = base();
      for (const parameter of model.parameters()) parameter.detach().copy_(randn(parameter.shape));
      const causal = causalizeUNet(model, { transfer, unet: { actionDim: 3 } });
      expect(causal.options.causal).toBe(true);
      const before = model.stateDict();
      for (const [key, value] of causal.stateDict()) {
        if (key.startsWith("actionEncoder.")) continue;
        const old = before.get(key) as Tensor;
        const kernel = /temporalConv\.layers\.\d\.conv\.weight$|^outputConv\.weight$/.test(key);
        expect(maxError(value, kernel ? transferWeight(old, { transfer }) : old), key).toBe(0);
      }
    },
  );
});
