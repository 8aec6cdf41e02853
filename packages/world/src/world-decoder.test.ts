// A world with two decoders: the small one makes other pictures of the same latents, goes to a folder and back, and is asked for by name.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { manualSeed } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AutoencoderKL } from "./model/autoencoder/autoencoder.js";
import { TinyDecoder } from "./model/tiny-decoder/tiny-decoder.js";
import { UNet3D } from "./model/unet/unet.js";
import { type WorldConfigInput, worldSchema } from "./world-config.js";
import { loadWorld, saveWorld, worldFiles } from "./world-folder.js";
import { WorldModel, type WorldParts } from "./world-model.js";
import { tinyAutoencoder, tinyUNet } from "./model/testing/tiny-options.js";

const input: WorldConfigInput = {
  name: "two-decoders",
  frame: { width: 14, height: 10, paddedWidth: 16, paddedHeight: 16, fps: 10 },
  autoencoder: tinyAutoencoder,
  unet: {
    ...tinyUNet,
    temporalLength: 3,
  },
  sampler: { numSteps: 2, historyLevel: 20 },
  tinyDecoder: { channels: [8, 8], blocks: [1, 1] },
};
const config = worldSchema.parse(input);
manualSeed(1);
const parts: WorldParts & { readonly tinyDecoder: TinyDecoder } = {
  config,
  unet: new UNet3D(config.unet).eval(),
  autoencoder: new AutoencoderKL(config.autoencoder).eval(),
  tinyDecoder: new TinyDecoder(config.tinyDecoder).eval(),
};
const frames = Uint8Array.from({ length: 14 * 10 * 3 }, (_, i) => (i * 7919) % 251);
let folder = "";
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), "vid2world-decoders-"))));
afterAll(() => rm(folder, { recursive: true }));

/** The first frames that a world shows, and the latent of the last. */
function played(world: WorldModel): { shown: Uint8Array[]; latent: number[] } {
  world.reset({ frames });
  const shown = [world.step(), world.step()];
  return { shown, latent: world.snapshot().history.at(-1)?.latent_BCHW.toNumbers() ?? [] };
}

test("the decoder changes the pictures and not the course of the world; a fork keeps it", () => {
  const [full, tiny] = [new WorldModel(parts), new WorldModel(parts, { decoder: "tiny" })];
  expect([full.decoder, tiny.decoder, tiny.fork().decoder]).toEqual(["full", "tiny", "tiny"]);
  const [fromFull, fromTiny] = [played(full), played(tiny)];
  expect(fromTiny.latent).toEqual(fromFull.latent);
  expect(fromTiny.shown).not.toEqual(fromFull.shown);
  expect(fromTiny.shown.map((frame) => frame.length)).toEqual([420, 420]);
});

test("a folder holds both, and world.json says which is used", async () => {
  await saveWorld(folder, { ...input, decoder: "tiny" }, parts);
  const world = await loadWorld(folder);
  expect(world.decoder).toBe("tiny");
  expect(played(world).shown).toEqual(played(new WorldModel(parts, { decoder: "tiny" })).shown);
  expect((await loadWorld(folder, { decoder: "full" })).decoder).toBe("full");
  await rm(path.join(folder, worldFiles.tinyDecoder));
  await expect(loadWorld(folder)).rejects.toThrow(/tiny-decoder.safetensors: missing/);
});

test("a world without one says so, and one that does not fit is refused", () => {
  const { tinyDecoder, ...without } = parts;
  expect(tinyDecoder).toBeDefined();
  expect(() => new WorldModel(without, { decoder: "tiny" })).toThrow(/has no tiny decoder/);
  expect(() => worldSchema.parse({ ...input, tinyDecoder: { channels: [8], blocks: [1] } })).toThrow(
    /expected 2 levels/,
  );
  expect(() => worldSchema.parse({ ...input, tinyDecoder: { latentChannels: 8 } })).toThrow(/embedDim/);
});
