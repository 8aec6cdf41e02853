// A tiny world that is told of its scene by towers of its own: what it is told, and that a folder holds all of it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Tensor, keep, liveTensors, manualSeed, noGrad, rand, randnLike, scope } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LatentVideoDiffusion } from "./model/latent-video-diffusion.js";
import { type WorldConfigInput, worldSchema } from "./world-config.js";
import { loadWorld, saveWorld, worldFiles } from "./world-folder.js";
import { WorldModel } from "./world-model.js";
import { emptyText, sceneDescriber } from "./world-scene.js";
import { tinyAutoencoder, tinyUNet } from "./model/testing/tiny-options.js";

const parts = {
  autoencoder: tinyAutoencoder,
  clip: {
    embedDim: 8,
    image: { imageSize: 16, patchSize: 4, width: 16, layers: 2, headChannels: 8 },
    text: { contextLength: 5, vocabularySize: 12, width: 8, layers: 2, heads: 2 },
  },
  resampler: {
    width: 8,
    depth: 1,
    heads: 2,
    headChannels: 4,
    numQueries: 2,
    videoLength: 4,
    inputWidth: 16,
    outputWidth: 8,
  },
  unet: {
    ...tinyUNet,
    contextDim: 8,
    textTokens: 5,
    imageTokensPerFrame: 2,
    temporalLength: 4,
    actionDim: 3,
  },
};
const config: WorldConfigInput = {
  name: "tiny",
  frame: { width: 24, height: 16, fps: 3 },
  ...parts,
  sampler: { numSteps: 2, historyLevel: 39 },
};

manualSeed(1);
const model = new LatentVideoDiffusion(parts).eval().requiresGrad_(false);
// Many layers start at zero, which would make every scene look the same.
noGrad(() => {
  for (const parameter of model.unet.parameters()) parameter.add_(randnLike(parameter), { alpha: 0.2 });
});
const describeScene = sceneDescriber(model);
const world = new WorldModel({ config: worldSchema.parse(config), ...model, describeScene }, { seed: 5 });
const frames = Uint8Array.from({ length: 24 * 16 * 3 }, (_, i) => (i * 7919) % 251);
const play = (player: WorldModel): Uint8Array => {
  player.reset({ frames });
  return player.step([1, 0, 0]);
};

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "vid2world-scene-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("the context is the empty text's tokens, then those of the picture; guidance compares with the reconstruction's", () => {
  const frame_BCHW = rand([2, 3, 16, 24]);
  const other_BCHW = rand([2, 3, 16, 24]);
  const { context, unconditionalContext } = describeScene(frame_BCHW, () => other_BCHW) as Record<string, Tensor>;
  expect(context?.shape).toEqual([2, 5 + 4 * 2, 8]);
  const text = model.textTower.forward(emptyText(model.textTower, frame_BCHW));
  const image = model.resampler.forward(model.imageTower.forward(frame_BCHW));
  expect(context?.narrow(1, 0, 5).select(0, 1).toNumbers()).toEqual(text.toNumbers());
  expect(context?.narrow(1, 5, 8).toNumbers()).toEqual(image.toNumbers());
  expect(unconditionalContext?.toNumbers()).toEqual(describeScene(other_BCHW).context?.toNumbers());
  expect(describeScene(frame_BCHW)).not.toHaveProperty("unconditionalContext");
});

test("no text is start, end and padding, which needs no vocabulary", () => {
  const tokens = emptyText(model.textTower, rand([1]));
  expect(tokens.toNumbers()).toEqual([10, 11, 0, 0, 0]);
});

test("a world is told of the reconstruction of its own latents", () => {
  const told: Tensor[] = [];
  const spy = new WorldModel({
    ...world.parts,
    describeScene(frame_BCHW, reconstruction) {
      told.push(keep(frame_BCHW.clone()), keep((reconstruction?.() as Tensor).clone()));
      return describeScene(frame_BCHW, reconstruction);
    },
  });
  spy.reset({ frames });
  expect(told.map(({ shape }) => shape)).toEqual([
    [1, 3, 16, 24],
    [1, 3, 16, 24],
  ]);
  const [frame, reconstruction] = told.map((x) => x.toNumbers());
  expect(frame).toEqual(world.codec.pixels(frames).toNumbers());
  expect(reconstruction).not.toEqual(frame);
});

test("a world makes keys and values of its scene once, and plays as with its tokens", () => {
  world.reset({ frames });
  const state = world.snapshot();
  const [told, plain] = [state.scene.context, state.scene.unconditionalContext] as [Tensor, Tensor];
  expect([told.size(2), plain.size(2)]).not.toContain(parts.unet.contextDim);
  const tokens = describeScene(world.codec.pixels(frames), () =>
    world.codec.decodePixels((state.history[0] as { latent_BCHW: Tensor }).latent_BCHW),
  );
  expect(tokens.context?.shape).toEqual([...told.shape.slice(0, 2), 8]);
  const pictures = [tokens, state.scene].map((scene) => {
    const twin = world.fork();
    twin.restore({ ...state, scene });
    return twin.step([1, 0, 0]);
  });
  expect(pictures[1]).toEqual(pictures[0]);
});

test("playing with a scene leaves no tensors behind", () => {
  play(world);
  const before = liveTensors();
  scope(() => void play(world));
  // Less, where the garbage collector found something of an earlier test.
  expect(liveTensors()).toBeLessThanOrEqual(before);
});

test("a folder holds the towers and the resampler, and a world loaded from it plays the same", async () => {
  await saveWorld(folder, config, model);
  const loaded = await loadWorld(folder, { seed: 5 });
  expect(play(loaded)).toEqual(play(world));
  await rm(path.join(folder, worldFiles.imageTower));
  await expect(loadWorld(folder)).rejects.toThrow(/image-tower\.safetensors.*missing/s);
});

test("what does not fit is refused by name", async () => {
  await expect(saveWorld(folder, config, { unet: model.unet, autoencoder: model.autoencoder })).rejects.toThrow(
    /weights\.textTower/,
  );
  const { clip: _, ...withoutClip } = config;
  expect(() => worldSchema.parse(withoutClip)).toThrow(/expected clip and resampler together/);
  const narrow = { ...config, resampler: { ...parts.resampler, inputWidth: 8 } };
  expect(() => worldSchema.parse(narrow)).toThrow(/expected 16, clip.image.width, got 8/);
  const deaf = { ...config, unet: { ...parts.unet, contextDim: undefined } };
  expect(() => worldSchema.parse(deaf)).toThrow(/expected 8, resampler.outputWidth, got none/);
});
