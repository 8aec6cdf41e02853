// Layers against PyTorch: first values, outputs and gradients, with every option.

import { describe, expect, test } from "vitest";
import { assertClose } from "../allclose.js";
import { Generator, liveTensors, manualSeed, scope, type Tensor } from "../index.js";
import { readCases, type Recorded, restore } from "./fixtures/read.js";
import * as nn from "./index.js";

interface LayerCase {
  readonly name: string;
  readonly layer: keyof typeof layers;
  readonly arguments: readonly never[];
  readonly options: Readonly<Record<string, never>>;
  readonly training: boolean;
  readonly state: Readonly<Record<string, Recorded>>;
  readonly input: Recorded;
  readonly cotangent: Recorded;
  readonly output: Recorded;
  readonly inputGrad: Recorded | null;
  readonly grads: Readonly<Record<string, Recorded>>;
}

const { Linear, Conv1d, Conv2d, Conv3d, GroupNorm, LayerNorm, BatchNorm2d, Embedding, Dropout } = nn;
const layers = { Linear, Conv1d, Conv2d, Conv3d, GroupNorm, LayerNorm, BatchNorm2d, Embedding, Dropout };

type AnyLayer = nn.Module & { forward(x: Tensor): Tensor };

function build({
  layer,
  arguments: positional,
  options,
}: Pick<LayerCase, "layer" | "arguments" | "options">): AnyLayer {
  // The fixture names the class, so the types of its arguments are not known here.
  const construct = layers[layer] as unknown as new (...args: unknown[]) => AnyLayer;
  return new construct(...positional, options);
}

function stateOf(recorded: Readonly<Record<string, Recorded>>): Map<string, Tensor> {
  return new Map(Object.entries(recorded).map(([name, value]) => [name, restore(value)]));
}

describe("a layer computes the output and the gradients of PyTorch", () => {
  test.each(readCases<LayerCase>("layers.json"))("$name", (recorded) => {
    scope(() => {
      const module = build(recorded).train(recorded.training).loadStateDict(stateOf(recorded.state));
      const isIndex = recorded.layer === "Embedding";
      const x = restore(recorded.input, isIndex ? "int64" : "float32");
      if (!isIndex) x.requiresGrad_();
      const y = module.forward(x);
      assertClose(y, restore(recorded.output), { rtol: 1e-5, atol: 1e-5 });
      y.mul(restore(recorded.cotangent)).sum().backward();
      if (recorded.inputGrad !== null)
        assertClose(x.grad as Tensor, restore(recorded.inputGrad), { rtol: 1e-4, atol: 1e-5 });
      const parameters = module.namedParameters();
      expect([...parameters.keys()].sort()).toEqual(Object.keys(recorded.grads).sort());
      for (const [name, grad] of Object.entries(recorded.grads)) {
        assertClose(parameters.get(name)?.grad as Tensor, restore(grad), { rtol: 1e-4, atol: 1e-5 });
      }
    });
  });
});

type InitCase = Pick<LayerCase, "layer" | "arguments" | "options" | "state">;

test("layers start at the values that PyTorch gives them after the same seed", () => {
  manualSeed(7);
  for (const recorded of readCases<InitCase>("init.json")) {
    const state = build(recorded).stateDict();
    for (const [name, value] of Object.entries(recorded.state)) {
      assertClose(state.get(name) as Tensor, restore(value), { rtol: 1e-6, atol: 1e-8 });
    }
  }
});

test("initializing with a generator repeats its values and leaves the global generator alone", () => {
  const draw = (): Tensor => nn.initializing({ generator: new Generator({ seed: 3 }) }, () => new Linear(4, 4)).weight;
  manualSeed(1);
  const before = new Linear(4, 4).weight;
  manualSeed(1);
  const first = draw();
  assertClose(new Linear(4, 4).weight, before);
  assertClose(draw(), first, { rtol: 0, atol: 0 });
});

test("withoutInit draws nothing, sets constants, and ends after an error", () => {
  manualSeed(1);
  const expected = new Linear(8, 8).weight;
  manualSeed(1);
  const norm = nn.withoutInit(() => {
    new Conv2d(64, 64, 3);
    return new GroupNorm(1, 2);
  });
  assertClose(norm.stateDict().get("weight") as Tensor, [1, 1]);
  expect(() =>
    nn.withoutInit(() => {
      throw new RangeError("stop");
    }),
  ).toThrow(RangeError);
  assertClose(new Linear(8, 8).weight, expected, { rtol: 0, atol: 0 });
});

test("initializing builds in another dtype", () => {
  const module = nn.initializing(
    { dtype: "bfloat16" },
    () => new nn.Sequential([new Linear(2, 2), new BatchNorm2d(2)]),
  );
  for (const value of module.stateDict().values()) expect(value.dtype).toBe("bfloat16");
});

test("dropout zeroes elements only in training and keeps the mean", () => {
  manualSeed(0);
  scope(() => {
    const module = new Dropout(0.25);
    const x = restore({ shape: [10000], values: new Array<number>(10000).fill(1) });
    const values = [...(module.forward(x).toTypedArray() as Float32Array)];
    const kept = values.filter((value) => value !== 0);
    expect(kept.length / values.length).toBeCloseTo(0.75, 1);
    for (const value of kept) expect(value).toBeCloseTo(4 / 3, 5);
    assertClose(module.eval().forward(x), x, { rtol: 0, atol: 0 });
  });
});

test("layers refuse arguments that cannot work", () => {
  expect(() => new GroupNorm(3, 4)).toThrow("groups: expected a divisor of 4, received 3");
  expect(() => new Conv2d(4, 6, 3, { groups: 4 })).toThrow("groups: expected a common divisor of 4 and 6, received 4");
  expect(() => new Conv2d(1, 1, [3, 3, 3] as never)).toThrow("kernel: expected a number or 2 numbers");
  expect(() => new Dropout(1.5)).toThrow("p: expected a probability, received 1.5");
});

test("a forward and backward pass leaves nothing behind but the gradients", () => {
  const module = new nn.Sequential([new Conv2d(2, 4, 3), new GroupNorm(2, 4), (x) => x.silu(), new Conv2d(4, 1, 1)]);
  const pass = (): void => {
    scope(() => {
      const x = restore({ shape: [1, 2, 5, 5], values: Array.from({ length: 50 }, Math.sin) });
      module.forward(x).square().mean().backward();
    });
    module.zeroGrad();
  };
  pass();
  const before = liveTensors();
  for (let i = 0; i < 20; i++) pass();
  expect(liveTensors()).toBe(before);
});
