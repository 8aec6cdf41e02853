// Streaming against the full forward pass: the same numbers, however the frames are split, batched and forked.
import {
  cat,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randint,
  randn,
  scope,
  type DType,
  type Tensor,
} from "@vid2world/torch";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";

import { maxError } from "../testing/fixtures.js";
import type { UNetOptions } from "./options.js";
import { UNet3D, type UNetInput } from "./unet.js";
import { UNetHistory, joinHistories, splitHistory } from "./unet-history.js";
import { UNetStream } from "./unet-stream.js";

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
  temporalNorm: "causal",
  actionDim: 3,
  contextDim: 6,
  textTokens: 3,
  imageTokensPerFrame: 2,
};

/** A network all of whose branches contribute: as built, the residual branches start at zero. */
function randomNetwork(options: Partial<UNetOptions> = {}, dtype: DType = "float32"): UNet3D {
  const model = new UNet3D({ ...tiny, ...options }).eval().requiresGrad_(false);
  noGrad(() => {
    for (const parameter of model.parameters()) {
      // Biases too: features with a mean far from zero are what running moments lose digits on.
      parameter.normal_({ mean: parameter.shape.length > 1 ? 0 : 0.5, std: 0.15 });
    }
  });
  return model.to(dtype);
}

const randomInput = (frames: number, batch = 1, dtype: DType = "float32"): UNetInput => ({
  x_BTCHW: randn([batch, frames, 4, 8, 6], { dtype }),
  timesteps: randint(0, 1000, [batch, frames]),
  actions_BTA: randn([batch, frames, 3], { dtype }),
  actionMask_BT: ones([batch, frames], { dtype }),
  // Five image tokens: never two for each frame, so that all frames see all of them however the clip is cut.
  context: randn([batch, 3 + 5, 6], { dtype }),
});

/** Frames `from` to `to` of the input. */
function cut(input: UNetInput, from: number, to: number): UNetInput {
  const part = (x: Tensor | undefined): Tensor => (x as Tensor).narrow(1, from, to - from);
  return {
    x_BTCHW: part(input.x_BTCHW),
    timesteps: part(input.timesteps),
    actions_BTA: part(input.actions_BTA),
    actionMask_BT: part(input.actionMask_BT),
    context: input.context as Tensor,
  };
}

/** Some rollouts of a batch. */
const rows = (input: UNetInput, from: number, count: number): UNetInput =>
  Object.fromEntries(Object.entries(input).map(([name, x]) => [name, (x as Tensor).narrow(0, from, count)])) as never;

/** Outputs frame by frame after a beginning of `prefill` frames. */
function streamed(stream: UNetStream, input: UNetInput, prefill: number): { outputs: Tensor; history: UNetHistory } {
  const frames = input.x_BTCHW.size(1);
  const begun = stream.begin(cut(input, 0, prefill));
  let { history } = begun;
  const outputs = [begun.output_BTCHW];
  for (let t = prefill; t < frames; t++) {
    const frame = cut(input, t, t + 1);
    const predicted = stream.predict(history, frame);
    const next = stream.commit(history, frame);
    expect(next.output_BTCHW.toNumbers()).toEqual(predicted.toNumbers());
    history.dispose();
    history = next.history;
    outputs.push(predicted);
  }
  return { outputs: cat(outputs, { dim: 1 }), history };
}

const full = (model: UNet3D, input: UNetInput): Tensor => noGrad(() => model.forward(input));
const scale = (x: Tensor): number => x.abs().amax().item();

beforeEach(() => manualSeed(11));

describe("with causal statistics", () => {
  const model = ((): UNet3D => (manualSeed(1), randomNetwork()))();
  const stream = new UNetStream(model);

  test("a beginning and then frame by frame gives the outputs of the full pass, for every split, batch and length", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(), fc.integer({ min: 1, max: 3 }), (frames, at, batch) => {
        scope(() => {
          const input = randomInput(frames, batch);
          const expected = full(model, input);
          const { outputs, history } = streamed(stream, input, 1 + (at % frames));
          expect(history.frames).toBe(Math.min(frames, 4));
          history.dispose();
          expect(maxError(outputs, expected)).toBeLessThan(2e-5 * scale(expected));
        });
      }),
      { numRuns: 12, seed: 1 },
    );
  });

  test("in float64 to ten digits, also over many times the window", () => {
    const wide = randomNetwork({}, "float64");
    const input = randomInput(23, 1, "float64");
    const expected = full(wide, input);
    const { outputs } = streamed(new UNetStream(wide), input, 3);
    expect(maxError(outputs, expected)).toBeLessThan(1e-10 * scale(expected));
  });

  test("with every option the other way", () => {
    const options = {
      memoryFormat: "contiguous",
      useLinear: false,
      additionAttention: false,
      transformerDepth: 2,
    } as const;
    const other = randomNetwork({ ...options, fpsCondition: false, normGroups: 2 });
    const input = randomInput(7, 2);
    const expected = full(other, input);
    expect(maxError(streamed(new UNetStream(other), input, 2).outputs, expected)).toBeLessThan(2e-5 * scale(expected));
  });

  test("what comes later changes nothing, bit for bit", () => {
    const input = randomInput(8);
    const other = { ...randomInput(8), context: input.context as Tensor };
    for (let t = 1; t < 8; t++) {
      const swapped = Object.fromEntries(
        Object.entries(cut(input, 0, t)).map(([name, x]) => [
          name,
          name === "context" ? x : cat([x as Tensor, cut(other, t, 8)[name as "x_BTCHW"]], { dim: 1 }),
        ]),
      ) as unknown as UNetInput;
      const [before, after] = [full(model, input), full(model, swapped)];
      expect(after.narrow(1, 0, t).toNumbers()).toEqual(before.narrow(1, 0, t).toNumbers());
      expect(maxError(after.select(1, t), before.select(1, t))).toBeGreaterThan(1e-3);
    }
  });

  test("forks of a history never disturb each other", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(7), { minLength: 2, maxLength: 10 }), (parents) => {
        scope(() => {
          // A tree of worlds: world i + 1 continues world parents[i] by a frame of its own.
          const first = randomInput(1);
          const worlds = [{ history: stream.begin(first).history, inputs: [first] }];
          for (const parent of parents) {
            const from = worlds[parent % worlds.length] as (typeof worlds)[number];
            const frame = { ...randomInput(1), context: first.context as Tensor };
            worlds.push({ history: stream.commit(from.history, frame).history, inputs: [...from.inputs, frame] });
          }
          const probe = { ...randomInput(1), context: first.context as Tensor };
          for (const { history, inputs } of worlds) {
            const clip = [...inputs, probe];
            const joined = (name: "x_BTCHW" | "timesteps" | "actions_BTA"): Tensor =>
              cat(
                clip.map((input) => input[name] as Tensor),
                { dim: 1 },
              );
            const expected = full(model, {
              x_BTCHW: joined("x_BTCHW"),
              timesteps: joined("timesteps"),
              actions_BTA: joined("actions_BTA"),
              context: first.context as Tensor,
            }).narrow(1, clip.length - 1, 1);
            expect(maxError(stream.predict(history, probe), expected)).toBeLessThan(5e-5 * scale(expected));
          }
          for (const { history } of worlds) history.dispose();
        });
      }),
      { numRuns: 8, seed: 2 },
    );
  });

  test("branches share one history", () => {
    const input = randomInput(4, 2);
    const { history } = stream.begin(cut(input, 0, 3));
    const frames = [cut(input, 3, 4), { ...cut(randomInput(4, 2), 3, 4), context: input.context as Tensor }];
    const both = Object.fromEntries(
      Object.keys(input).map((name) => [name, cat(frames.map((frame) => frame[name as "x_BTCHW"]))]),
    ) as unknown as UNetInput;
    const together = stream.predict(history, both);
    frames.forEach((frame, r) => {
      const alone = stream.predict(history, frame);
      expect(maxError(together.narrow(0, 2 * r, 2), alone)).toBeLessThan(2e-5 * scale(alone));
    });
  });

  test("a frame that is remembered on another thread gives the same memory, bit for bit, and leaves nothing behind", async () => {
    const [stream, input] = [new UNetStream(randomNetwork()), randomInput(4)];
    const { history } = stream.begin(cut(input, 0, 2));
    noGrad(() => scope(() => stream.commit(history, cut(input, 2, 3)).history.dispose())); // makes the trace
    const before = liveTensors();
    for (const frame of [2, 3]) {
      let aside: ReturnType<typeof stream.commitAside> | undefined;
      noGrad(() => scope(() => void (aside = stream.commitAside(history, cut(input, frame, frame + 1)))));
      const made = await (aside as ReturnType<typeof stream.commitAside>);
      scope(() => {
        const { history: wanted } = stream.commit(history, cut(input, frame, frame + 1));
        expect(made.history.frames).toBe(3);
        for (const [i, tensor] of made.history.tensors.entries())
          expect(maxError(tensor, wanted.tensors[i] as Tensor)).toBe(0);
        wanted.dispose();
      });
      made.history.dispose();
      made.output_BTCHW.dispose();
    }
    expect(liveTensors()).toBeLessThanOrEqual(before); // the collector may have freed others meanwhile
  });

  test("joined histories go on side by side, split ones alone", () => {
    const input = randomInput(7, 3);
    const parts = [rows(input, 0, 1), rows(input, 1, 2)];
    const joined = joinHistories(parts.map((part) => stream.begin(cut(part, 0, 6)).history));
    const expected = full(model, input).narrow(1, 6, 1);
    expect(maxError(stream.predict(joined, cut(input, 6, 7)), expected)).toBeLessThan(2e-5 * scale(expected));
    const split = splitHistory(joined, [2, 1]);
    joined.dispose();
    const [two, one] = [rows(input, 0, 2), rows(input, 2, 1)].map((part, i) =>
      stream.predict(split[i] as UNetHistory, cut(part, 6, 7)),
    ) as [Tensor, Tensor];
    expect(maxError(cat([two, one]), expected)).toBeLessThan(2e-5 * scale(expected));
    expect(() => splitHistory(split[0] as UNetHistory, [1, 2])).toThrow(/add up to the batch of 2/);
    expect(() => joinHistories([split[0] as UNetHistory, stream.begin(randomInput(1)).history])).toThrow(
      /equally many/,
    );
  });

  test("memory does not grow beyond the window, and nothing is left behind", () => {
    const input = randomInput(12);
    const bytes: number[] = [];
    const rollOn = (): void =>
      scope(() => {
        let { history } = stream.begin(cut(input, 0, 1));
        for (let t = 1; t < 12; t++) {
          const next = stream.commit(history, cut(input, t, t + 1)).history;
          history.dispose();
          history = next;
          bytes.push(history.bytes);
        }
        history.dispose();
      });
    rollOn();
    const before = liveTensors();
    rollOn();
    expect(liveTensors()).toBeLessThanOrEqual(before);
    expect(bytes[2]).toBeGreaterThan(bytes[0] as number);
    expect(new Set(bytes.slice(3, 11)).size).toBe(1);
  });
});

describe("with the published window statistics", () => {
  test("the first new frame differs from the full pass by what its past does not know of it, and no more than a little", () => {
    const model = randomNetwork({ temporalNorm: "window" });
    const stream = new UNetStream(model);
    const input = randomInput(4);
    const { history, output_BTCHW } = stream.begin(cut(input, 0, 3));
    const alone = full(model, cut(input, 0, 3));
    expect(maxError(output_BTCHW, alone)).toBeLessThan(2e-5 * scale(alone));
    const whole = full(model, input).narrow(1, 3, 1);
    const difference = maxError(stream.predict(history, cut(input, 3, 4)), whole);
    expect(difference).toBeGreaterThan(1e-4 * scale(whole));
    expect(difference).toBeLessThan(0.5 * scale(whole));
  });

  test("a window without room for the next frame is refused", () => {
    expect(() => new UNetStream(randomNetwork({ temporalNorm: "window" })).begin(randomInput(5))).toThrow(
      /less than temporalLength = 5/,
    );
  });
});

test("what does not fit is refused by name", () => {
  const [model, other] = [randomNetwork(), randomNetwork()];
  const stream = new UNetStream(model);
  const { history } = stream.begin(randomInput(2, 2));
  expect(() => new UNetStream(randomNetwork({ causal: false, temporalNorm: "window" }))).toThrow(/causal/);
  expect(() => new UNetStream(other).predict(history, randomInput(1, 2))).toThrow(/one of another network/);
  expect(() => stream.predict(history, randomInput(2, 2))).toThrow(/one frame after a history/);
  expect(() => stream.predict(history, randomInput(1, 3))).toThrow(/multiple of the history's 2/);
  expect(() => stream.commit(history, randomInput(1, 4))).toThrow(/the history's batch of 2/);
  history.dispose();
  expect(() => stream.predict(history, randomInput(1, 2))).toThrow(/disposed/);
});
