// Properties of the U-Net that need no recorded data.
import {
  autocast,
  cat,
  inferenceMode,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randn,
  randint,
  type Tensor,
} from "@vid2world/torch";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { maxError } from "../testing/fixtures.js";
import { unetSchema, type UNetOptions } from "./options.js";
import { UNet3D, type UNetInput } from "./unet.js";

const tiny: UNetOptions = {
  inChannels: 4,
  outChannels: 2,
  modelChannels: 16,
  channelMultipliers: [1, 2],
  numResBlocks: 1,
  attentionResolutions: [2, 1],
  headChannels: 8,
  normGroups: 8,
  temporalLength: 5,
  actionDim: 3,
  fpsCondition: false,
};

/** A network all of whose branches contribute: as built, the residual branches start at zero. */
function randomNetwork(options: Partial<UNetOptions> = {}): UNet3D {
  const model = new UNet3D({ ...tiny, ...options }).eval();
  noGrad(() => {
    for (const parameter of model.parameters()) {
      if (parameter.shape.length > 1) parameter.normal_({ mean: 0, std: 0.15 });
    }
  });
  return model;
}

function randomInput(frames = 4, batch = 2): UNetInput {
  return {
    x_BTCHW: randn([batch, frames, 4, 8, 6]),
    timesteps: randint(0, 1000, [batch, frames]),
    actions_BTA: randn([batch, frames, 3]),
    actionMask_BT: ones([batch, frames]),
  };
}

/** The input with everything of the last frame changed. */
function withOtherLastFrame(input: UNetInput): UNetInput {
  const other = randomInput(input.x_BTCHW.size(1), input.x_BTCHW.size(0));
  const swap = (x: Tensor, y: Tensor): Tensor => {
    const past = x.size(1) - 1;
    return cat([x.narrow(1, 0, past), y.narrow(1, past, 1)], { dim: 1 });
  };
  return {
    x_BTCHW: swap(input.x_BTCHW, other.x_BTCHW),
    timesteps: swap(input.timesteps, other.timesteps),
    actions_BTA: swap(input.actions_BTA as Tensor, other.actions_BTA as Tensor),
    actionMask_BT: input.actionMask_BT as Tensor,
  };
}

/** The largest change of each frame's output when only the last frame of the input changes. */
function changes(model: UNet3D, frames = 4): number[] {
  const input = randomInput(frames);
  const before = inferenceMode(() => model.forward(input));
  const after = inferenceMode(() => model.forward(withOtherLastFrame(input)));
  return Array.from({ length: frames }, (_, t) => maxError(after.select(1, t), before.select(1, t)));
}

beforeEach(() => manualSeed(7));

describe("causality", () => {
  test("with causal statistics no earlier output changes when the last frame does", () => {
    const perFrame = changes(randomNetwork({ temporalNorm: "causal" }));
    expect(perFrame.slice(0, -1)).toEqual([0, 0, 0]);
    expect(perFrame.at(-1)).toBeGreaterThan(1e-2);
  });

  test("with the published window statistics earlier outputs do change", () => {
    expect(Math.max(...changes(randomNetwork({ temporalNorm: "window" })).slice(0, -1))).toBeGreaterThan(1e-4);
  });

  test("with causal statistics a prefix gives the outputs of the prefix", () => {
    const model = randomNetwork({ temporalNorm: "causal" });
    const input = randomInput(4);
    const cut = (x: Tensor): Tensor => x.narrow(1, 0, 2);
    const prefix: UNetInput = {
      x_BTCHW: cut(input.x_BTCHW),
      timesteps: cut(input.timesteps),
      actions_BTA: cut(input.actions_BTA as Tensor),
    };
    const whole = inferenceMode(() => model.forward(input));
    expect(
      maxError(
        inferenceMode(() => model.forward(prefix)),
        cut(whole),
      ),
    ).toBeLessThan(1e-5);
  });
});

describe("options", () => {
  test("a misspelt option is refused", () => {
    expect(() => unetSchema.parse({ ...tiny, modelChannel: 3 })).toThrow(/modelChannel/);
  });

  test("causal statistics in a bidirectional network are refused", () => {
    expect(() => unetSchema.parse({ ...tiny, causal: false, temporalNorm: "causal" })).toThrow(/temporalNorm/);
  });

  test("more frames than temporalLength are refused in the causal form and accepted in the other", () => {
    expect(() => randomNetwork().forward(randomInput(6))).toThrow(/temporalLength/);
    expect(randomNetwork({ causal: false }).forward(randomInput(6)).shape).toEqual([2, 6, 2, 8, 6]);
  });

  test("missing actions are named", () => {
    const { x_BTCHW, timesteps } = randomInput();
    expect(() => randomNetwork().forward({ x_BTCHW, timesteps })).toThrow(/actions_BTA/);
  });
});

describe("evaluation", () => {
  test("a new network predicts zero, whatever it is given", () => {
    expect(new UNet3D(tiny).forward(randomInput()).abs().amax().item()).toBe(0);
  });

  test("the memory format changes nothing but rounding, in values and gradients", () => {
    const model = randomNetwork();
    const other = new UNet3D({ ...tiny, memoryFormat: "contiguous" }).loadStateDict(model.stateDict()).eval();
    const input = randomInput();
    const outputs = [model, other].map((network) => {
      const y = network.forward(input);
      y.square().mean().backward();
      return y;
    });
    expect(maxError(outputs[0] as Tensor, outputs[1] as Tensor)).toBeLessThan(1e-4);
    for (const [name, parameter] of model.namedParameters()) {
      const grad = other.namedParameters().get(name)?.grad as Tensor;
      expect(maxError(parameter.grad as Tensor, grad), name).toBeLessThan(1e-4 + 1e-3 * grad.abs().amax().item());
    }
  });

  test.each(["attention", "residual", "all"] as const)(
    "recomputing in the backward pass (%s) gives the same gradients, dropout included",
    (checkpointing) => {
      const model = randomNetwork().train();
      const other = new UNet3D({ ...tiny, checkpointing }).loadStateDict(model.stateDict());
      const input = randomInput();
      for (const network of [model, other]) {
        manualSeed(3);
        network.forward(input).square().mean().backward();
      }
      for (const [name, parameter] of model.namedParameters()) {
        const grad = other.namedParameters().get(name)?.grad as Tensor;
        expect(maxError(parameter.grad as Tensor, grad), name).toBeLessThan(1e-5 + 1e-4 * grad.abs().amax().item());
      }
    },
  );

  test("by the policy, parts run once or twice in a training step, and a file that says true or false is still read", () => {
    const runs = (checkpointing: UNetOptions["checkpointing"]): number[] => {
      const model = new UNet3D({ ...tiny, checkpointing }).train();
      const counted = model.middleBlocks.flatMap(({ residual, temporal }) => [
        ...(residual ? [{ part: "residual", calls: vi.spyOn(residual, "forward") }] : []),
        ...(temporal ? [{ part: "attention", calls: vi.spyOn(temporal, "forward") }] : []),
      ]);
      model.forward(randomInput()).square().mean().backward();
      return ["residual", "attention"].map((part) =>
        Math.max(...counted.filter((each) => each.part === part).map(({ calls }) => calls.mock.calls.length)),
      );
    };
    expect(runs("none")).toEqual([1, 1]);
    expect(runs("residual")).toEqual([2, 1]);
    expect(runs("attention")).toEqual([1, 2]);
    expect(runs("all")).toEqual([2, 2]);
    expect([true, false].map((checkpointing) => unetSchema.parse({ ...tiny, checkpointing }).checkpointing)).toEqual([
      "all",
      "none",
    ]);
  });

  test("it runs in bfloat16 under autocast and stays near float32", () => {
    const model = randomNetwork({ temporalNorm: "causal" });
    const input = randomInput();
    const exact = inferenceMode(() => model.forward(input));
    const fast = inferenceMode(() => autocast({ device: "cpu", dtype: "bfloat16" }, () => model.forward(input)));
    expect(maxError(fast, exact)).toBeLessThan(0.1 * exact.abs().amax().item());
  });

  test("recomputing blocks passes gradients on to the context", () => {
    const withContext = { contextDim: 8, textTokens: 3, imageTokensPerFrame: 2, dropout: 0, temporalConvDropout: 0 };
    const model = randomNetwork(withContext).train();
    const other = new UNet3D({ ...tiny, ...withContext, checkpointing: true }).loadStateDict(model.stateDict());
    const input = randomInput();
    const gradients = [model, other].map((network) => {
      manualSeed(4);
      const context = randn([2, 3 + 4 * 2, 8]).requiresGrad_();
      network
        .forward({ ...input, context })
        .square()
        .mean()
        .backward();
      return context.grad as Tensor;
    });
    expect(gradients[0]?.abs().amax().item()).toBeGreaterThan(0);
    expect(maxError(gradients[0] as Tensor, gradients[1] as Tensor)).toBeLessThan(1e-6);
  });

  test("leaves nothing behind but its result", () => {
    const model = randomNetwork();
    const input = randomInput();
    const before = liveTensors();
    const y = inferenceMode(() => model.forward(input));
    expect(liveTensors()).toBe(before + 1);
    y.dispose();
  });
});
