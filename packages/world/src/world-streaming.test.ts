// A tiny causal world, evaluated frame by frame and over whole windows: the same pictures where both see the same frames.
import { type Tensor, liveTensors, manualSeed, noGrad, randn, randnLike } from "@vid2world/torch";
import { describe, expect, test } from "vitest";
import { measureDeviation, usualVariants } from "./evaluation/deviation.js";
import { AutoencoderKL } from "./model/autoencoder/autoencoder.js";
import { maxError } from "./model/testing/fixtures.js";
import { standInGraphs } from "./model/testing/stand-in-graph.js";
import { UNetStream } from "./model/unet/unet-stream.js";
import { UNet3D } from "./model/unet/unet.js";
import { rollout } from "./diffusion/rollout.js";
import { seededNoise } from "./diffusion/noise.js";
import type { SamplerConfig } from "./diffusion/samplers/sampler-config.js";
import { type WorldConfigInput, worldSchema } from "./world-config.js";
import { WorldModel, type WorldParts } from "./world-model.js";
import { releaseState } from "./world-state.js";
import { tinyAutoencoder, tinyUNet } from "./model/testing/tiny-options.js";

const LENGTH = 4;

function parts(unetChanges: object = {}, diffusion: WorldConfigInput["diffusion"] = {}): WorldParts {
  manualSeed(1);
  const config = worldSchema.parse({
    name: "tiny",
    frame: { width: 16, height: 16, fps: 10 },
    autoencoder: tinyAutoencoder,
    unet: {
      ...tinyUNet,
      temporalLength: LENGTH,
      temporalNorm: "causal",
      actionDim: 3,
      ...unetChanges,
    },
    diffusion,
    sampler: { numSteps: 2, historyLevel: 39, guidanceScale: 2, guidanceRescale: 0.7, eta: 1 },
  });
  const unet = new UNet3D(config.unet).eval().requiresGrad_(false);
  const autoencoder = new AutoencoderKL(config.autoencoder).eval().requiresGrad_(false);
  noGrad(() => {
    // Many layers start at zero, which would make every past look the same.
    for (const parameter of unet.parameters()) parameter.add_(randnLike(parameter), { alpha: 0.1 });
  });
  return { config, unet, autoencoder };
}

const latents = (batch: number, frames: number): Tensor => (manualSeed(3), randn([batch, frames, 4, 8, 8]));
const actions = (batch: number, frames: number): Tensor => (manualSeed(4), randn([batch, frames, 3]));

/** Latents of a rollout of `numFrames` frames. */
async function rolled(
  of: WorldParts,
  sampler: Partial<SamplerConfig>,
  {
    context = 2,
    numFrames = 5,
    batch = 1,
    tokens,
  }: { context?: number; numFrames?: number; batch?: number; tokens?: Tensor } = {},
): Promise<Tensor> {
  const world = new WorldModel(of, { sampler });
  const start = {
    latents_BTCHW: latents(batch, context),
    actions_BTA: actions(batch, context + numFrames),
    numFrames,
    ...(tokens && { context: tokens }),
  };
  return rollout(world.network, start, {
    schedule: world.schedule,
    sampler: world.sampler,
    windowLength: LENGTH,
    noise: seededNoise(Array.from({ length: batch }, (_, b) => b)),
    ...(world.streaming && { streaming: world.streaming }),
  });
}

/** The largest difference of each frame. */
const differences = (a: Tensor, b: Tensor): number[] =>
  Array.from({ length: a.size(1) }, (_, t) => maxError(a.select(1, t), b.select(1, t)));

const streaming = { evaluation: "streaming" } as const;

describe.each(["first-frame", "previous-frame"] as const)("with the %s as image condition", (imageCondition) => {
  const world = parts({}, { imageCondition });

  test("streaming gives the window's frames while nothing was dropped from the window", async () => {
    const [window, stream] = [await rolled(world, {}, { batch: 2 }), await rolled(world, streaming, { batch: 2 })];
    const off = differences(window, stream);
    expect(Math.max(...off.slice(0, LENGTH))).toBeLessThan(1e-4);
    // Later the window forgets what the frames in it once saw, and streaming does not.
    expect(off.at(-1)).toBeGreaterThan(1e-4);
  });

  test("evaluating the past anew for every frame gives the window's frames for ever", async () => {
    for (const sampler of [{}, { batchedGuidance: false, guidanceRescale: 0, eta: 0 }, { guidanceScale: 1 }] as const) {
      const window = await rolled(world, sampler);
      const stream = await rolled(world, { ...sampler, ...streaming, refreshEvery: 1 });
      expect(Math.max(...differences(window, stream))).toBeLessThan(1e-4);
    }
  });
});

test("guidance in an interval of timesteps works on one memory", async () => {
  const world = parts();
  const interval = { guidanceInterval: [0, 700] as [number, number] };
  const [window, stream] = [await rolled(world, interval), await rolled(world, { ...interval, ...streaming })];
  expect(Math.max(...differences(window, stream).slice(0, LENGTH))).toBeLessThan(1e-4);
});

test("a fixed anchor stays the rollout's first frame", async () => {
  const world = parts();
  const [sliding, fixed] = [await rolled(world, {}), await rolled(world, { imageAnchor: "fixed" })];
  const off = differences(sliding, fixed);
  expect(Math.max(...off.slice(0, LENGTH))).toBe(0);
  expect(off.at(-1)).toBeGreaterThan(1e-4);
  const stream = await rolled(world, { imageAnchor: "fixed", ...streaming, refreshEvery: 1 });
  expect(Math.max(...differences(fixed, stream))).toBeLessThan(1e-4);
});

test("image tokens of one's place in the window, or the published rule", async () => {
  const world = parts({ contextDim: 6, textTokens: 2, imageTokensPerFrame: 2 });
  manualSeed(5);
  const tokens = randn([1, 2 + 2 * LENGTH, 6]);
  for (const imageTokens of ["published", "per-frame"] as const) {
    const window = await rolled(world, { imageTokens }, { tokens });
    const refreshed = await rolled(world, { imageTokens, ...streaming, refreshEvery: 1 }, { tokens });
    const stream = await rolled(world, { imageTokens, ...streaming }, { tokens });
    // As published, a frame of a full window sees other tokens than it saw before: only per-frame tokens are exact there.
    const exact = imageTokens === "per-frame" ? LENGTH : LENGTH - 1;
    expect(Math.max(...differences(window, stream).slice(0, exact))).toBeLessThan(1e-4);
    const anew = differences(window, refreshed);
    expect(Math.max(...(imageTokens === "per-frame" ? anew : anew.slice(0, exact)))).toBeLessThan(1e-4);
  }
  const [all, own] = [
    await rolled(world, {}, { tokens }),
    await rolled(world, { imageTokens: "per-frame" }, { tokens }),
  ];
  expect(maxError(all, own)).toBeGreaterThan(1e-4);
});

test("the deviation from whole windows is nothing where the past is evaluated anew, and something where it is not", async () => {
  const world = new WorldModel(parts());
  const start = { latents_BTCHW: latents(1, 3), actions_BTA: actions(1, 8), numFrames: 5 };
  const [never, , always] = await measureDeviation(world, start, usualVariants(LENGTH));
  expect(never?.steps).toHaveLength(2);
  expect(Math.max(...(always?.frames ?? [1]), ...(always?.steps ?? [1]))).toBeLessThan(1e-5);
  expect(Math.max(...(never?.frames.slice(0, 1) ?? [1]))).toBeLessThan(1e-5);
  expect(never?.frames.at(-1)).toBeGreaterThan(1e-5);
});

describe("a world that streams", () => {
  const world = new WorldModel(parts(), { sampler: streaming, seed: 5 });
  const size = world.height * world.width * 3;
  const frames = Uint8Array.from({ length: 2 * size }, (_, i) => (i * 7919) % 251);
  const play = (player: WorldModel, count: number, from = 0): Uint8Array[] =>
    Array.from({ length: count }, (_, i) => player.step([Math.sin(from + i), Math.cos(from + i), (from + i) % 2]));

  test("plays, forks, rewinds and replays the same frames, whatever others do meanwhile", () => {
    world.reset({ frames });
    const first = play(world, 2);
    const [twin, state] = [world.fork(), world.snapshot()];
    const rest = play(world, 4, 2);
    expect(play(twin, 4, 2)).toEqual(rest);
    world.restore(state);
    world.settle();
    expect(play(world, 4, 2)).toEqual(rest);
    twin.restore(state);
    twin.step([9, 9, 9]);
    releaseState(state);
    twin.dispose();
    world.reset({ frames });
    expect(play(world, 6)).toEqual([...first, ...rest]);
  });

  test("rolls out in batches what it plays alone", async () => {
    world.reset({ frames });
    const alone = play(world, 5);
    const actions_TA = Float32Array.from({ length: 6 * 3 }, (_, i) => {
      const t = Math.floor(i / 3) - 1;
      return t < 0 ? 0 : ([Math.sin(t), Math.cos(t), t % 2][i % 3] as number);
    });
    const job = { context_THWC: frames, actions_TA };
    const [rolledOut] = await world.rollout([job, job], { frames: 5 });
    alone.forEach((frame, t) => {
      const other = rolledOut?.subarray(t * size, (t + 1) * size) as Uint8Array;
      expect(Math.max(...frame.map((byte, i) => Math.abs(byte - (other[i] as number))))).toBeLessThanOrEqual(1);
    });
  });

  test("memory is bounded by the window, and freed with its last owner", () => {
    world.reset({ frames });
    play(world, LENGTH);
    const state = world.snapshot();
    const bytes = state.memory?.memory.bytes;
    releaseState(state);
    const before = liveTensors();
    for (let i = 0; i < 3; i++) play(world, 2);
    world.settle();
    const later = world.snapshot();
    expect(later.memory?.memory.bytes).toBeGreaterThanOrEqual(bytes as number);
    releaseState(later);
    play(world, 1);
    expect(liveTensors()).toBeLessThanOrEqual(before);
    world.dispose();
    expect(liveTensors()).toBeLessThan(before - 50);
  });
});

test("a world drawn with CUDA graphs is the same, byte for byte, and a world on the CPU is told that it cannot have them", () => {
  const own = parts({}, { imageCondition: "previous-frame" });
  const { capture, counts } = standInGraphs();
  const frames = Uint8Array.from({ length: 2 * 16 * 16 * 3 }, (_, i) => (i * 7919) % 251);
  const played = (made: WorldParts, sampler: Partial<SamplerConfig>): Uint8Array[] => {
    using world = new WorldModel(made, { sampler: { ...streaming, guidanceInterval: [0, 700], ...sampler } });
    world.reset({ frames });
    return Array.from({ length: 6 }, (_, i) => world.step([Math.sin(i), Math.cos(i), 1]));
  };
  const stream = new UNetStream(own.unet, { capture });
  expect(played({ ...own, stream }, { cudaGraphs: true })).toEqual(played(own, {}));
  expect(counts.captured).toBe(3); // guided, not guided, remembered
  stream.dispose();
  expect(counts.alive).toBe(0);
  expect(() => played(own, { cudaGraphs: true })).toThrow(
    /sampler.cudaGraphs: expected false on cpu: CUDA graphs need a CUDA device/,
  );
});

test("a bidirectional network is refused", () => {
  const { config, ...rest } = parts();
  const unet = new UNet3D({ ...config.unet, causal: false, temporalNorm: "window" });
  expect(() => new WorldModel({ config, ...rest, unet }, { sampler: streaming })).toThrow(/causal network/);
});
