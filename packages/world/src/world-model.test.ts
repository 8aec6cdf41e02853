// A tiny world with random weights: it plays, forks, rewinds, replays, rolls out in batches, and goes to a folder and back.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { manualSeed, liveTensors, noGrad, ones, randnLike } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AutoencoderKL } from "./model/autoencoder/autoencoder.js";
import { UNet3D } from "./model/unet/unet.js";
import { actionVector } from "./world-actions.js";
import { type WorldConfigInput, worldSchema } from "./world-config.js";
import { findWorld, loadWorld, saveWorld, worldFiles } from "./world-folder.js";
import { WorldModel } from "./world-model.js";
import { releaseState } from "./world-state.js";
import { tinyAutoencoder, tinyUNet } from "./model/testing/tiny-options.js";

const config: WorldConfigInput = {
  name: "tiny",
  frame: { width: 14, height: 10, paddedWidth: 16, paddedHeight: 16, fps: 10 },
  contextFrames: 2,
  autoencoder: tinyAutoencoder,
  unet: {
    ...tinyUNet,
    temporalLength: 4,
    actionDim: 3,
  },
  sampler: { numSteps: 3, historyLevel: 39 },
  channels: [
    { name: "forward", kind: "continuous", range: [-1, 1], keys: { KeyW: 1 } },
    { name: "weapon", kind: "choice", options: ["none", "gun"] },
  ],
};

function tinyWorld(): WorldModel {
  const resolved = worldSchema.parse(config);
  manualSeed(1);
  const unet = new UNet3D(resolved.unet).eval();
  const autoencoder = new AutoencoderKL(resolved.autoencoder).eval();
  // Many layers start at zero, which would make every action look the same.
  noGrad(() => {
    for (const parameter of unet.parameters()) parameter.add_(randnLike(parameter), { alpha: 0.2 });
  });
  return new WorldModel({ config: resolved, unet, autoencoder }, { seed: 5 });
}

const world = tinyWorld();
const size = world.height * world.width * 3;
const frames = Uint8Array.from({ length: 2 * size }, (_, i) => (i * 7919) % 251);
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "vid2world-world-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const play = (player: WorldModel, actions: readonly number[]): Uint8Array[] =>
  actions.map((forward) => player.step({ forward }));

test("a step before reset is an error that says what to call", () => {
  expect(() => tinyWorld().step()).toThrow(/call reset/);
});

test("frames have the recording's size, the same seed replays the same bytes, another seed does not", () => {
  world.reset({ frames });
  const first = play(world, [1, 0, -1, 1, 1]);
  expect(first.every((frame) => frame.length === size)).toBe(true);
  expect(world.frame).toBe(7);
  world.reset({ frames });
  expect(play(world, [1, 0, -1, 1, 1])).toEqual(first);
  world.reset({ frames }, { seed: 6 });
  expect(play(world, [1])[0]).not.toEqual(first[0]);
});

test("actions change what is seen", () => {
  world.reset({ frames });
  const [forward] = play(world, [1]);
  world.reset({ frames });
  expect(play(world, [-1])[0]).not.toEqual(forward);
});

test("a fork goes its own way, and both ways are those of a world that was never forked", () => {
  world.reset({ frames });
  play(world, [1, 1]);
  using twin = world.fork();
  const original = play(world, [0, 1, 0, 1]);
  const other = play(twin, [-1, -1, 0, 1]);
  world.reset({ frames });
  expect(play(world, [1, 1, 0, 1, 0, 1]).slice(2)).toEqual(original);
  world.reset({ frames });
  expect(play(world, [1, 1, -1, -1, 0, 1]).slice(2)).toEqual(other);
});

test("a snapshot is come back to as often as one likes", () => {
  world.reset({ frames });
  play(world, [1]);
  const snapshot = world.snapshot();
  const ahead = play(world, [0, 1, 0, 1, 1]);
  world.restore(snapshot);
  expect(play(world, [0, 1, 0, 1, 1])).toEqual(ahead);
  world.restore(snapshot);
  expect(play(world, [0])[0]).toEqual(ahead[0]);
  releaseState(snapshot);
});

test("playing, forking and rewinding leave no tensors behind", () => {
  const round = (): void => {
    world.reset({ frames });
    const snapshot = world.snapshot();
    play(world, [1, 0, 1, 0, 1]);
    using twin = world.fork();
    play(twin, [1, 1]);
    world.restore(snapshot);
    releaseState(snapshot);
    play(world, [0]);
    world.dispose();
  };
  round();
  const before = liveTensors();
  for (let i = 0; i < 5; i++) round();
  expect(liveTensors()).toBe(before);
});

test("a batched rollout gives each job what stepping through it alone gives", async () => {
  const rows = [1, 0, 1, -1, 0.5];
  const actions_TA = Float32Array.from(
    [0, ...rows].flatMap((forward) => [...actionVector({ forward }, 3, world.config.channels)]),
  );
  const other = frames.toReversed();
  const jobs = [
    { context_THWC: frames, actions_TA },
    { context_THWC: other, actions_TA },
  ];
  const seen: number[] = [];
  const [first, second] = await world.rollout(jobs, { frames: 5, seed: 11, onFrame: (frame) => seen.push(frame) });
  expect(seen).toEqual([0, 1, 2, 3, 4]);
  world.reset({ frames, actions: [{ forward: 0 }] }, { seed: 11 });
  expect(largest(first, Buffer.concat(play(world, rows)))).toBeLessThanOrEqual(1);
  world.reset({ frames: other, actions: [{ forward: 0 }] }, { seed: 12 });
  expect(largest(second, Buffer.concat(play(world, rows)))).toBeLessThanOrEqual(1);
});

/** Largest difference in grey levels; kernels may round a batch of two differently from two of one. */
function largest(a: Uint8Array | undefined, b: Uint8Array): number {
  expect(a?.length).toBe(b.length);
  return b.reduce((most, value, i) => Math.max(most, Math.abs(value - (a?.[i] ?? NaN))), 0);
}

test("wrong actions and frames are refused by name", () => {
  world.reset({ frames });
  expect(() => world.step({ sideways: 1 })).toThrow(/forward, weapon.*sideways/);
  expect(() => world.step({ forward: 2 })).toThrow(/range/);
  expect(() => world.step(new Float32Array(5))).toThrow(/3 finite numbers/);
  expect(() => world.reset({ frames: frames.subarray(1) })).toThrow(/14x10 RGB/);
});

test("a saved world plays the same when loaded, and nearly so from float16", async () => {
  const dir = path.join(folder, "exact");
  await save(dir, "float32");
  world.reset({ frames });
  const expected = play(world, [1, 0]);
  const loaded = await loadWorld(dir, { seed: 5 });
  loaded.reset({ frames });
  expect(play(loaded, [1, 0])).toEqual(expected);

  const half = path.join(folder, "half");
  await save(half, "float16");
  const small = await loadWorld(half, { seed: 5, sampler: { numSteps: 2 } });
  expect(small.sampler.numSteps).toBe(2);
  small.reset({ frames });
  expect(small.step()).toHaveLength(size);
});

async function save(dir: string, dtype: "float32" | "float16"): Promise<void> {
  const twin = tinyWorld();
  const { unet, autoencoder } = twin.parts;
  await saveWorld(dir, config, { unet, autoencoder }, { dtype });
}

test("what is wrong with a world folder is said with the file, the key and a way out", async () => {
  await expect(loadWorld("no-such-world")).rejects.toThrow(/no such world.*train/);
  const dir = path.join(folder, "broken");
  await save(dir, "float32");
  const autoencoder = path.join(dir, worldFiles.autoencoder);
  await writeFile(path.join(dir, worldFiles.unet), await readFile(autoencoder));
  await expect(loadWorld(dir)).rejects.toThrow(/unet\.safetensors[\s\S]*missing[\s\S]*same training run/);
  await rm(autoencoder);
  await save(path.join(folder, "other"), "float32");
  await writeFile(path.join(dir, worldFiles.unet), await readFile(path.join(folder, "other", worldFiles.unet)));
  await expect(loadWorld(dir)).rejects.toThrow(/autoencoder\.safetensors: missing/);
  const description = path.join(dir, worldFiles.config);
  await writeFile(description, JSON.stringify({ ...config, latentscale: 1 }));
  await expect(loadWorld(dir)).rejects.toThrow(/world\.json.*latentscale/);
  expect(await findWorld(dir)).toBe(dir);
});

test("a configuration whose parts do not fit together is refused", () => {
  expect(() => worldSchema.parse({ ...config, unet: { ...config.unet, actionDim: 5 } })).toThrow(/width of channels/);
  expect(() => worldSchema.parse({ ...config, contextFrames: 4 })).toThrow(/temporalLength/);
});

test("codec: latents are scaled, and decoded frames come back in the frame's own size", () => {
  using latents = world.codec.encode(frames);
  expect(latents.shape).toEqual([2, 4, 8, 8]);
  expect(world.codec.decode(latents)).toHaveLength(2 * size);
  using pixels = world.codec.pixels(frames);
  expect(pixels.shape).toEqual([2, 3, 10, 14]);
  using one = ones([1, 3, 10, 14]);
  expect(world.codec.encode(one).shape).toEqual([1, 4, 8, 8]);
});

test("a rollout says which jobs' frames are not finite, which bytes cannot show", async () => {
  const world = tinyWorld();
  const size = world.height * world.width * 3;
  const job = { context_THWC: new Uint8Array(2 * size).fill(90), actions_TA: new Float32Array(2 * 3) };
  const broken: (readonly number[])[] = [];
  const run = () => world.rollout([job], { frames: 1, onFrame: (_, places) => void broken.push(places) });
  await run();
  noGrad(() => {
    for (const parameter of world.parts.unet.parameters()) parameter.fill_(NaN);
  });
  await run();
  expect(broken).toEqual([[], [0]]);
});
