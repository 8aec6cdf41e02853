// Modules: names, state, modes, conversion, and the report of a checkpoint that does not fit.

import { describe, expect, test } from "vitest";
import { assertClose } from "../allclose.js";
import { CheckpointMismatchError, liveTensors, ones, scope, tensor, Tensor, zeros } from "../index.js";
import { evaluating, Linear, Module, Parameter, Sequential, zeroInit } from "./index.js";

class Block extends Module {
  readonly norm = new Linear(2, 2, { bias: false });
  readonly scale = new Parameter(ones([2]));
  readonly count = zeros([], { dtype: "int64" });
  readonly label = "a block";
  readonly #hidden = ones([1]);

  get hidden(): Tensor {
    return this.#hidden;
  }
}

class Network extends Module {
  readonly blocks = [new Block(), new Block()];
  readonly grid = [[new Linear(1, 1)], [undefined, new Linear(1, 1, { bias: false })]];
  readonly tied = this.blocks[0]?.scale;
}

describe("names", () => {
  test("are paths of fields through arrays, without hidden and plain fields", () => {
    const names = [...new Network().stateDict().keys()];
    const expected = [
      "blocks.0.norm.weight",
      "blocks.0.scale",
      "blocks.0.count",
      "blocks.1.norm.weight",
      "blocks.1.scale",
    ];
    expect(names).toEqual([
      ...expected,
      "blocks.1.count",
      "grid.0.0.weight",
      "grid.0.0.bias",
      "grid.1.1.weight",
      "tied",
    ]);
  });

  test("tell parameters from buffers and count shared ones once", () => {
    const network = new Network();
    expect([...network.namedBuffers().keys()]).toEqual(["blocks.0.count", "blocks.1.count"]);
    expect(network.namedParameters().has("tied")).toBe(false);
    expect(network.parameters()).toHaveLength(7);
    expect(new Set(network.parameters()).size).toBe(7);
    expect([...network.namedModules().keys()].slice(0, 3)).toEqual(["", "blocks.0", "blocks.0.norm"]);
  });

  test("a module inside itself is refused", () => {
    class Knot extends Module {
      readonly inner: Module[] = [];
    }
    const knot = new Knot();
    knot.inner.push(knot);
    expect(() => knot.parameters()).toThrow("inner.0: a module inside itself");
  });

  test("a Sequential counts functions as positions", () => {
    const layers = new Sequential([new Linear(1, 2), (x: Tensor) => x.relu(), new Linear(2, 1)]);
    expect([...layers.stateDict().keys()]).toEqual([
      "layers.0.weight",
      "layers.0.bias",
      "layers.2.weight",
      "layers.2.bias",
    ]);
    expect(layers.forward(ones([3, 1])).shape).toEqual([3, 1]);
  });
});

describe("loadStateDict", () => {
  test("copies values in place and converts the dtype", () => {
    const layer = new Linear(2, 1);
    const { weight } = layer;
    layer.loadStateDict(
      new Map([
        ["weight", tensor([[1, 2]], { dtype: "float64" })],
        ["bias", tensor([3])],
      ]),
    );
    expect(layer.weight).toBe(weight);
    expect(weight.dtype).toBe("float32");
    expect(weight.requiresGrad).toBe(true);
    assertClose(layer.forward(tensor([[10, 100]])), [[213]]);
  });

  test("reports everything that does not fit at once and changes nothing", () => {
    const layer = zeroInit(new Sequential([new Linear(2, 1), new Linear(1, 1)]));
    const state = new Map([
      ["layers.0.weight", ones([1, 3])],
      ["layers.0.bias", ones([1])],
      ["decay", ones([])],
    ]);
    const load = (): unknown => layer.loadStateDict(state, { from: "model.safetensors" });
    expect(load).toThrow(CheckpointMismatchError);
    expect(load).toThrow(
      [
        "model.safetensors does not fit Sequential",
        "  missing   (2): layers.1.weight, layers.1.bias",
        "  unexpected(1): decay",
        "  shape     (1): layers.0.weight is [1, 3], expected [1, 2]",
      ].join("\n"),
    );
    for (const value of layer.stateDict().values()) assertClose(value, zeros([...value.shape]));
  });

  test("without strict takes what is there, but still checks shapes", () => {
    const layer = zeroInit(new Linear(2, 1));
    layer.loadStateDict(
      new Map([
        ["bias", tensor([5])],
        ["other", ones([])],
      ]),
      { strict: false },
    );
    assertClose(layer.stateDict().get("bias") as Tensor, [5]);
    expect(() => layer.loadStateDict(new Map([["bias", ones([2])]]), { strict: false })).toThrow(
      "bias is [2], expected [1]",
    );
  });

  test("restores what stateDict gave", () => {
    const [a, b] = [new Network(), new Network()];
    b.loadStateDict(a.stateDict());
    for (const [name, value] of a.stateDict())
      assertClose(b.stateDict().get(name) as Tensor, value, { rtol: 0, atol: 0 });
  });

  test("leaves no tensors behind", () => {
    const [a, b] = [new Network(), new Network()];
    const before = liveTensors();
    for (let i = 0; i < 5; i++) b.loadStateDict(a.stateDict());
    expect(liveTensors()).toBe(before);
  });
});

describe("modes", () => {
  test("train and eval reach every child", () => {
    const network = new Network().eval();
    expect(network.blocks[1]?.norm.training).toBe(false);
    expect(network.train().blocks[1]?.norm.training).toBe(true);
  });

  test("evaluating restores every mode after success, failure and a promise", async () => {
    const network = new Network();
    const frozen = (network.blocks[0] as Block).eval();
    const check = (): void => {
      expect([network.training, frozen.training, frozen.norm.training]).toEqual([true, false, false]);
    };
    expect(evaluating(network, () => network.blocks[1]?.training)).toBe(false);
    check();
    expect(() =>
      evaluating(network, () => {
        throw new RangeError();
      }),
    ).toThrow(RangeError);
    check();
    await evaluating(network, async () => {
      await Promise.resolve();
      expect(network.training).toBe(false);
    });
    check();
  });
});

describe("to", () => {
  test("converts floating-point tensors in place, with their gradients, and no others", () => {
    const block = new Block();
    const { scale } = block;
    scale.sum().backward();
    block.to("float64");
    expect(block.scale).toBe(scale);
    expect([scale.dtype, scale.grad?.dtype, block.count.dtype]).toEqual(["float64", "float64", "int64"]);
    expect(scale.requiresGrad).toBe(true);
    scale.mul(2).sum().backward();
    assertClose(scale.grad as Tensor, [3, 3]);
  });

  test("leaves nothing behind", () => {
    const block = new Block();
    const before = liveTensors();
    for (const dtype of ["float64", "bfloat16", "float32", "float32"] as const) block.to(dtype);
    expect(liveTensors()).toBe(before);
  });
});

test("parameters built inside a scope outlive it", () => {
  const layer = scope(() => new Linear(2, 2));
  expect(layer.weight.shape).toEqual([2, 2]);
});

test("requiresGrad_ freezes and zeroInit zeroes all parameters", () => {
  const network = zeroInit(new Network()).requiresGrad_(false);
  for (const parameter of network.parameters()) {
    expect(parameter.requiresGrad).toBe(false);
    assertClose(parameter, zeros([...parameter.shape]));
  }
});
