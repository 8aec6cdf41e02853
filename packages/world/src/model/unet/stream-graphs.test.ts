// Frames evaluated as graphs, by a stand-in that makes the traced calls again at the same addresses: the numbers of plain runs, bit for bit,
// through growing and rolling histories, forks and changing batches; no more graphs than allowed, and nothing left behind.
import {
  cat,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randint,
  randn,
  randnLike,
  scope,
  type Tensor,
} from "@vid2world/torch";
import { expect, test } from "vitest";

import { standInGraphs } from "../testing/stand-in-graph.js";
import { tinyUNet } from "../testing/tiny-options.js";
import type { UNetHistory } from "./unet-history.js";
import { UNetStream } from "./unet-stream.js";
import { UNet3D, type UNetInput } from "./unet.js";

const LENGTH = 4;
const STEPS = 3;

manualSeed(1);
const unet = new UNet3D({ ...tinyUNet, temporalLength: LENGTH, temporalNorm: "causal", actionDim: 3 }).eval();
unet.requiresGrad_(false);
// Many layers start at zero, which would make every past look the same.
noGrad(() => unet.parameters().forEach((parameter) => parameter.add_(randnLike(parameter), { alpha: 0.1 })));

const frame = (batch = 1): UNetInput => ({
  x_BTCHW: randn([batch, 1, tinyUNet.inChannels, 8, 8]),
  timesteps: randint(0, 1000, [batch, 1]),
  actions_BTA: randn([batch, 1, 3]),
  actionMask_BT: ones([batch, 1]),
});

/** Both branches of guidance, beside one another. */
const guided = (input: UNetInput): UNetInput =>
  Object.fromEntries(Object.entries(input).map(([name, x]) => [name, cat([x as Tensor, x as Tensor])])) as never;

interface Play {
  history: UNetHistory;
  readonly outputs: number[];
}

/** Draws frames as a sampler does: some guided steps, the last without guidance, then the finished frame is remembered. */
function play(stream: UNetStream, from: UNetHistory, frames: readonly UNetInput[], graphs: boolean): Play {
  const made: Play = { history: from, outputs: [] };
  for (const [t, input] of frames.entries()) {
    scope(() => {
      for (let step = 0; step < STEPS; step++) {
        const noisy = { ...input, x_BTCHW: input.x_BTCHW.mul(step + 1) };
        made.outputs.push(...stream.predict(made.history, guided(noisy), { graphs }).toNumbers());
      }
      made.outputs.push(...stream.predict(made.history, input, { graphs }).toNumbers());
      const { history, output_BTCHW } = stream.commit(made.history, input, { graphs });
      made.outputs.push(...output_BTCHW.toNumbers());
      if (t > 0) made.history.dispose(); // the first is the caller's
      made.history = history;
    });
  }
  return made;
}

const memoryOf = ({ tensors }: UNetHistory): number[][] => tensors.map((tensor) => tensor.toNumbers());

test("frames are those of plain runs, bit for bit, while the history grows and rolls; only lengths seen again get a graph", () => {
  const { capture, counts, operators } = standInGraphs();
  noGrad(() =>
    scope(() => {
      const [plain, graphed] = [new UNetStream(unet), new UNetStream(unet, { capture })];
      const first = plain.begin(frame()).history;
      const frames = Array.from({ length: 8 }, () => frame());
      const expected = play(plain, first, frames, false);
      const made = play(graphed, first, frames, true);
      expect(made.outputs).toEqual(expected.outputs);
      expect(made.outputs.every(Number.isFinite)).toBe(true);
      expect(memoryOf(made.history)).toEqual(memoryOf(expected.history));
      // Guided, not guided, remembered: all of the full length, from its second history on.
      expect(counts).toEqual({ captured: 3, replayed: 5 * (STEPS + 2), alive: 3 });
      // What a device cannot record: waiting for a number, sizes that depend on numbers, copies from the host; and noise, to be drawn anew.
      expect([...operators].filter((name) => /item|nonzero|mask|unique|^to|rand|normal|bernoulli/.test(name))).toEqual(
        [],
      );
      for (const { history } of [made, expected]) history.dispose();
      first.dispose();
      plain.dispose();
      graphed.dispose();
      expect(counts.alive).toBe(0);
    }),
  );
});

test("forks and histories that are gone do not mix: a history is copied in again after another", () => {
  const { capture, counts } = standInGraphs();
  noGrad(() =>
    scope(() => {
      const [plain, graphed] = [new UNetStream(unet), new UNetStream(unet, { capture })];
      const forks = [1, 2, 3].map(() => plain.begin(frame()).history);
      const inputs = Array.from({ length: 4 }, () => frame());
      const look = (stream: UNetStream, history: UNetHistory, graphs: boolean): number[][] =>
        inputs.map((input) => stream.predict(history, input, { graphs }).toNumbers());
      for (const fork of [0, 1, 0, 2, 2, 1]) {
        const history = forks[fork] as UNetHistory;
        expect(look(graphed, history, true)).toEqual(look(plain, history, false));
      }
      expect(counts.captured).toBe(1);
      forks.forEach((history) => history.dispose());
      const another = plain.begin(frame()).history;
      expect(look(graphed, another, true)).toEqual(look(plain, another, false));
      another.dispose();
      graphed.dispose();
      plain.dispose();
    }),
  );
});

test("of many batches eight graphs are kept, the oldest go, and a steady stream leaves no tensor behind", async () => {
  const { capture, counts } = standInGraphs();
  const stream = new UNetStream(unet, { capture });
  const begun = (): UNetHistory => noGrad(() => scope(() => stream.begin(frame()).history));
  const histories = [begun(), begun(), begun()];
  const look = (branches: number): void =>
    noGrad(() =>
      scope(() => {
        for (const history of histories)
          stream.predict(history, sideBySide(Array.from({ length: branches }, () => frame())), { graphs: true });
      }),
    );
  for (let branches = 1; branches <= 11; branches++) look(branches);
  expect(counts).toMatchObject({ captured: 11, alive: 8 });
  look(11);
  expect(counts.captured).toBe(11);
  look(1); // had been given up
  expect(counts).toMatchObject({ captured: 12, alive: 8 });
  const before = liveTensors();
  for (let i = 0; i < 3; i++) look(1);
  await expect(
    noGrad(() => stream.commitAside(histories[0] as UNetHistory, frame(), { graphs: true })).then((made) => {
      made.history.dispose();
      made.output_BTCHW.dispose();
    }),
  ).resolves.toBeUndefined();
  expect(liveTensors()).toBeLessThanOrEqual(before + 4); // the last frame's input, which is the collector's
  histories.forEach((history) => history.dispose());
  stream.dispose();
  expect(counts.alive).toBe(0);
});

test("where there can be no graph, that is said before the first frame", () => {
  expect(() => new UNetStream(unet).checkGraphs()).toThrow(
    /sampler.cudaGraphs: expected false on cpu: CUDA graphs need a CUDA device/,
  );
  const { capture } = standInGraphs();
  expect(() => new UNetStream(unet, { trained: true, capture }).checkGraphs()).toThrow(/in training/);
  expect(() => new UNetStream(unet, { capture }).checkGraphs()).not.toThrow();
});

const sideBySide = (inputs: readonly UNetInput[]): UNetInput =>
  Object.fromEntries(
    Object.keys(inputs[0] as UNetInput).map((name) => [name, cat(inputs.map((input) => input[name as "x_BTCHW"]))]),
  ) as never;
