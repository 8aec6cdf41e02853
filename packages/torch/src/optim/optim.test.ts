// Optimisers against PyTorch, their state, clipping, averaging, loss scaling and schedules.

import { describe, expect, test } from "vitest";
import { assertClose } from "../allclose.js";
import {
  CheckpointMismatchError,
  full,
  libtorchVersion,
  liveTensors,
  ones,
  scope,
  tensor,
  type Tensor,
  zeros,
} from "../index.js";
import { readCases, type Recorded, restore, restoreParameter } from "../nn/fixtures/read.js";
import { Linear, Parameter } from "../nn/index.js";
import {
  AdamW,
  type AdamWOptions,
  clipGradients,
  clipGradNorm,
  Ema,
  fusedAdamwWorks,
  GradScaler,
  schedules,
  Sgd,
  type SgdOptions,
} from "./index.js";

interface Trajectory {
  readonly name: string;
  readonly optimizer: "AdamW" | "Sgd";
  readonly options: Partial<AdamWOptions & SgdOptions>;
  readonly clip: number | null;
  readonly start: readonly Recorded[];
  readonly steps: readonly { grads: readonly (Recorded | null)[]; norm: number | null; after: readonly Recorded[] }[];
}

const trajectories = readCases<Trajectory>("optimizers.json");

function begin(
  { optimizer, options, start }: Trajectory,
  fused: boolean,
): { parameters: Parameter[]; optimizer: AdamW | Sgd } {
  const parameters = start.map(restoreParameter);
  const groups = [
    { parameters: parameters.slice(0, 2) },
    { parameters: parameters.slice(2), options: { weightDecay: 0.3 } },
  ];
  const made = optimizer === "AdamW" ? new AdamW(groups, { ...options, fused }) : new Sgd(groups, options);
  return { parameters, optimizer: made };
}

describe.each([false, true])("fused: %s", (fused) => {
  const runs = trajectories.filter(({ optimizer }) => !fused || optimizer === "AdamW");
  test.skipIf(fused && !fusedAdamwWorks("cpu")).each(runs)("$name follows PyTorch over six steps", (recorded) => {
    const { parameters, optimizer } = begin(recorded, fused);
    for (const [index, { grads, norm, after }] of recorded.steps.entries()) {
      // The recorded gradients are from before clipping.
      for (const [i, grad] of grads.entries()) {
        (parameters[i] as Parameter).grad = grad === null ? undefined : restore(grad);
      }
      if (recorded.clip !== null) assertClose(clipGradNorm(parameters, recorded.clip), norm as number);
      optimizer.setLearningRate(0.1 / (index + 1));
      optimizer.step();
      for (const [i, expected] of after.entries()) {
        assertClose(parameters[i] as Parameter, restore(expected), { rtol: 1e-5, atol: 2e-6 });
      }
    }
  });
});

const [major = 0, minor = 0] = libtorchVersion.split(".").map(Number);

test.skipIf(major < 2 || (major === 2 && minor < 4))("the fused kernel is found from libtorch 2.4 on", () => {
  expect(fusedAdamwWorks("cpu")).toBe(true);
});

/** A small problem whose gradients depend on the parameters. */
function problem(): { layer: Linear; backward: () => void } {
  const layer = new Linear(3, 2);
  layer.loadStateDict(
    new Map([
      [
        "weight",
        tensor([
          [0.1, -0.2, 0.3],
          [0.4, 0.5, -0.6],
        ]),
      ],
      ["bias", tensor([0.7, -0.8])],
    ]),
  );
  const backward = (): void => {
    layer.zeroGrad();
    scope(
      () =>
        void layer
          .forward(
            tensor([
              [1, 2, 3],
              [-1, 0.5, 2],
            ]),
          )
          .square()
          .mean()
          .backward(),
    );
  };
  return { layer, backward };
}

const kinds: readonly [string, (layer: Linear) => AdamW | Sgd][] = [
  ["AdamW", (layer) => new AdamW(layer.namedParameters(), { learningRate: 0.05, fused: false })],
  ["AdamW by default", (layer) => new AdamW(layer.namedParameters(), { learningRate: 0.05 })],
  ["Sgd", (layer) => new Sgd(layer.namedParameters(), { learningRate: 0.05, momentum: 0.9 })],
];

describe.each(kinds)("%s", (_, make) => {
  test("resumed from its state goes on bit for bit", () => {
    const [straight, resumed] = [problem(), problem()];
    const first = make(straight.layer);
    const step = ({ backward }: typeof straight, optimizer: AdamW | Sgd): void => {
      backward();
      optimizer.step();
    };
    for (let i = 0; i < 3; i++) step(straight, first);
    const second = make(resumed.layer);
    resumed.layer.loadStateDict(straight.layer.stateDict());
    second.loadStateDict(first.stateDict());
    for (let i = 0; i < 3; i++) {
      step(straight, first);
      step(resumed, second);
    }
    assertClose(resumed.layer.weight, straight.layer.weight, { rtol: 0, atol: 0 });
    expect([...second.stateDict().keys()]).toEqual([...first.stateDict().keys()]);
    expect(Number(second.stateDict().get("weight.step")?.item())).toBe(6);
  });

  test("twenty steps leave no tensors behind", () => {
    const { layer, backward } = problem();
    const optimizer = make(layer);
    const step = (): void => {
      backward();
      clipGradNorm(layer.parameters(), 1).dispose();
      optimizer.step();
      optimizer.zeroGrad();
    };
    step();
    const before = liveTensors();
    for (let i = 0; i < 20; i++) step();
    expect(liveTensors()).toBe(before);
  });

  test("a state with other keys is refused", () => {
    const optimizer = make(problem().layer);
    const state = optimizer.stateDict();
    state.delete("bias.step");
    expect(() => optimizer.loadStateDict(state.set("extra", ones([])))).toThrow(CheckpointMismatchError);
    expect(() => optimizer.loadStateDict(state)).toThrow("missing   (1): bias.step\n  unexpected(1): extra");
  });
});

test("AdamW keys its state by the names of the parameters", () => {
  const keys = [...new AdamW(new Linear(1, 1).namedParameters()).stateDict().keys()];
  expect(keys).toEqual(
    ["weight", "bias"].flatMap((name) => [`${name}.step`, `${name}.firstMoment`, `${name}.secondMoment`]),
  );
});

test("AdamW in half precision keeps the parameters' dtype", () => {
  const layer = new Linear(2, 2).to("bfloat16");
  const optimizer = new AdamW(layer.parameters(), { learningRate: 0.5 });
  for (const parameter of layer.parameters()) parameter.grad = parameter.detach().clone();
  const before = layer.weight.detach().clone();
  optimizer.step();
  expect(layer.weight.dtype).toBe("bfloat16");
  expect(layer.weight.detach().sub(before).abs().max().item()).toBeGreaterThan(0.1);
});

describe("groups", () => {
  test("a parameter in two groups is refused by name", () => {
    const { layer } = problem();
    const groups = [
      { parameters: layer.namedParameters() },
      { parameters: new Map([["again", layer.bias as Parameter]]) },
    ];
    expect(() => new AdamW(groups)).toThrow('each parameter once; group 1 has "bias" again, received "again"');
  });

  test("a name in two groups is refused", () => {
    const groups = [
      { parameters: problem().layer.namedParameters() },
      { parameters: problem().layer.namedParameters() },
    ];
    expect(() => new AdamW(groups)).toThrow("each name once");
  });

  test("options that cannot work are refused", () => {
    const parameters = problem().layer.parameters();
    expect(() => new AdamW(parameters, { betas: [1, 0.9] })).toThrow("betas: expected two numbers in [0, 1)");
    expect(() => new AdamW(parameters, { learningRate: -1 })).toThrow("learningRate");
    expect(() => new Sgd(parameters, { nesterov: true })).toThrow("momentum: expected a number > 0 with nesterov");
  });
});

describe("clipGradNorm", () => {
  const parametersWith = (...grads: Tensor[]): Parameter[] =>
    grads.map((grad) => {
      const parameter = new Parameter(zeros([...grad.shape], { dtype: grad.dtype }));
      parameter.grad = grad;
      return parameter;
    });

  test("scales mixed dtypes by one factor and returns the norm before", () => {
    const parameters = parametersWith(tensor([3, 0]), tensor([[4]], { dtype: "float64" }));
    assertClose(clipGradNorm(parameters, 1), 5);
    assertClose(parameters[0]?.grad as Tensor, [0.6, 0], { rtol: 1e-6, atol: 1e-6 });
    assertClose(parameters[1]?.grad as Tensor, [[0.8]], { rtol: 1e-6 });
  });

  test("leaves small gradients alone, and all of them for an infinite limit", () => {
    const parameters = parametersWith(tensor([3, 4]));
    clipGradNorm(parameters, 6);
    clipGradNorm(parameters, Infinity);
    assertClose(parameters[0]?.grad as Tensor, [3, 4], { rtol: 0, atol: 0 });
  });

  test("is 0 without gradients", () => {
    assertClose(clipGradNorm([new Parameter(ones([2]))], 1), 0);
  });
});

describe("Ema", () => {
  test("follows the recurrence with and without warm-up", () => {
    for (const warmup of [true, false]) {
      const parameter = new Parameter(zeros([2]));
      const ema = new Ema([parameter], { decay: 0.9, warmup });
      let expected = 0;
      for (let n = 1; n <= 100; n++) {
        parameter.detach().fill_(n);
        ema.update();
        const decay = warmup ? Math.min(0.9, (1 + n) / (10 + n)) : 0.9;
        expected = decay * expected + (1 - decay) * n;
      }
      assertClose(ema.averages.get("0") as Tensor, [expected, expected], { rtol: 1e-5 });
    }
  });

  test.each(["float32", "bfloat16"] as const)("swaps %s values in for a function and out again", async (dtype) => {
    const parameter = new Parameter(zeros([1], { dtype }));
    const ema = new Ema(new Map([["p", parameter]]));
    parameter.detach().fill_(2);
    const value = (): number => Number(parameter.detach().item());
    expect(ema.swappedIn(value)).toBe(0);
    expect(value()).toBe(2);
    expect(() => ema.swappedIn(() => { throw new RangeError(); })).toThrow(RangeError); // prettier-ignore
    expect(value()).toBe(2);
    expect(await ema.swappedIn(() => Promise.resolve(value()))).toBe(0);
    expect([value(), parameter.dtype, parameter.requiresGrad]).toEqual([2, dtype, true]);
  });

  test("averages bfloat16 parameters in float32", () => {
    const parameter = new Parameter(ones([1], { dtype: "bfloat16" }));
    const ema = new Ema([parameter], { decay: 0.9999, warmup: false });
    parameter.detach().fill_(0);
    ema.update();
    assertClose(ema.averages.get("0") as Tensor, [0.9999], { rtol: 1e-6 });
  });

  test("restores its state and refuses other keys", () => {
    const { layer } = problem();
    const make = (): Ema => new Ema(layer.namedParameters(), { decay: 0.5 });
    const [a, b] = [make(), make()];
    layer.weight.detach().fill_(1);
    a.update();
    b.loadStateDict(a.stateDict());
    for (const ema of [a, b]) ema.update();
    for (const [name, value] of a.stateDict())
      assertClose(b.stateDict().get(name) as Tensor, value, { rtol: 0, atol: 0 });
    expect(() => b.loadStateDict(new Map())).toThrow(CheckpointMismatchError);
  });

  test("leaves no tensors behind", () => {
    const ema = new Ema(problem().layer.parameters());
    const before = liveTensors();
    for (let i = 0; i < 20; i++) ema.update();
    ema.swappedIn(() => 0);
    expect(liveTensors()).toBe(before);
  });
});

describe("GradScaler", () => {
  const no = (): Tensor => tensor(false, { dtype: "bool" });
  const yes = (): Tensor => tensor(true, { dtype: "bool" });

  test("scales the loss and grows after enough good steps", () => {
    const scaler = new GradScaler({ initialScale: 8, growthInterval: 2 });
    assertClose(scaler.scale(ones([])), 8);
    scaler.update(no());
    expect(scaler.currentScale).toBe(8);
    scaler.update(no());
    expect(scaler.currentScale).toBe(16);
  });

  test("backs off after an overflow and counts good steps anew", () => {
    const scaler = new GradScaler({ initialScale: 8, growthInterval: 2 });
    for (const overflow of [no(), yes(), no()]) scaler.update(overflow);
    expect(scaler.currentScale).toBe(4);
    scaler.update(no());
    expect(scaler.currentScale).toBe(8);
  });

  test("never grows to infinity", () => {
    const scaler = new GradScaler({ initialScale: 2 ** 126, growthInterval: 1 });
    scaler.update(no());
    expect(scaler.currentScale).toBe(2 ** 126);
  });

  test("restores its state", () => {
    const [a, b] = [new GradScaler({ growthInterval: 2 }), new GradScaler({ growthInterval: 2 })];
    a.update(no());
    b.loadStateDict(a.stateDict());
    b.update(no());
    expect(b.currentScale).toBe(131072);
  });

  test("leaves no tensors behind", () => {
    const scaler = new GradScaler();
    const overflow = no();
    const before = liveTensors();
    for (let i = 0; i < 20; i++) scaler.update(overflow);
    expect(liveTensors()).toBe(before);
  });
});

describe("clipGradients", () => {
  test("divides by the loss's factor while it clips, and tells each norm", () => {
    const parameters = [[3, 0], undefined, [0, 4]].map((grad) => {
      const parameter = new Parameter(ones([2]));
      parameter.grad = grad && tensor(grad).mul(8);
      return parameter;
    });
    const { norm, norms_P, positions } = clipGradients(parameters, { maxNorm: 2.5, scale: tensor(8) });
    expect([norm.item(), norms_P.toNumbers(), positions]).toEqual([5, [3, 4], [0, 2]]);
    assertClose(parameters[2]?.grad as Tensor, [0, 2], { rtol: 1e-6 });
  });

  test("without clipping only divides", () => {
    const parameter = new Parameter(ones([2]));
    parameter.grad = full([2], 16);
    clipGradients([parameter], { maxNorm: Infinity, scale: tensor(8) });
    assertClose(parameter.grad, [2, 2]);
  });
});

describe.each([false, true])("a step that is left out, fused: %s", (fused) => {
  test.skipIf(fused && !fusedAdamwWorks("cpu"))("changes neither weights nor averages nor the count of steps", () => {
    const make = (): { parameter: Parameter; adamw: AdamW } => {
      const parameter = new Parameter(tensor([1, -2]));
      return { parameter, adamw: new AdamW([parameter], { learningRate: 0.1, fused }) };
    };
    const step = ({ parameter, adamw }: ReturnType<typeof make>, grad: number, unless?: Tensor): void => {
      parameter.grad = full([2], grad);
      adamw.step(unless);
    };
    const [a, b] = [make(), make()];
    for (const grad of [1, NaN, Infinity, 3, 2]) {
      step(a, grad, tensor(!Number.isFinite(grad), { dtype: "bool" }));
      if (Number.isFinite(grad)) step(b, grad);
    }
    assertClose(a.parameter, b.parameter, { rtol: 0, atol: 0 });
    const [left, right] = [a.adamw.stateDict(), b.adamw.stateDict()];
    for (const [name, value] of left) assertClose(value, right.get(name) as Tensor, { rtol: 0, atol: 0 });
    expect(left.get("0.step")?.item()).toBe(3);
  });
});

describe("schedules", () => {
  test("have their documented values at the ends and in between", () => {
    expect(schedules.constant(0.5)(7)).toBe(0.5);
    const warm = schedules.linearWarmup(4, schedules.constant(1));
    expect([0, 1, 3, 4, 100].map(warm)).toEqual([0.25, 0.5, 1, 1, 1]);
    expect(schedules.linearWarmup(0, schedules.constant(1))(0)).toBe(1);
    expect([0, 5, 10, 20].map(schedules.linear(1, 0, 10))).toEqual([1, 0.5, 0, 0]);
    const wave = schedules.cosine(1, 10, 0.1);
    expect(wave(0)).toBe(1);
    expect(wave(5)).toBeCloseTo(0.55, 12);
    expect([wave(10), wave(99)]).toEqual([0.1, 0.1]);
    expect(() => schedules.cosine(1, 0)).toThrow("steps: expected an integer >= 1, received 0");
  });
});
