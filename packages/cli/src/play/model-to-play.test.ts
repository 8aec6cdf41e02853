// What --model of `vid2world play` may be.
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readWorldConfig } from "@vid2world/world";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelToPlay } from "./model-to-play.js";

const configs = resolve(import.meta.dirname, "../../../../configs");
let folder = "";
const at = (...names: string[]): string => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-model-"));
  await mkdir(at("run/checkpoints"), { recursive: true });
  await cp(join(configs, "debug.yaml"), at("run/config.yaml"));
  await writeFile(at("run/checkpoints/step-00000001.safetensors"), "");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a built-in world starts in its own recordings", async () => {
  const { world, load, starts } = await modelToPlay({ model: "doom" }, at("a"));
  expect([world, load, starts?.endsWith("recordings/doom-e1m2")]).toEqual([
    resolve(configs, "../worlds/doom"),
    {},
    true,
  ]);
});

test("a run without a world says so, and its checkpoints are played by the run's configuration", async () => {
  await expect(modelToPlay({ model: at("run") }, at("b"))).rejects.toThrow("play one of its checkpoints");
  const checkpoint = at("run/checkpoints/step-00000001.safetensors");
  const { world, load } = await modelToPlay({ model: checkpoint }, at("b"));
  expect({ world, load }).toEqual({ world: at("b"), load: { checkpoint, supply: [] } });
  expect((await readWorldConfig(world)).name).toBe("run");
});

test("a checkpoint of a run takes the autoencoder of the run's world, where the configuration names none that is there", async () => {
  await cp(at("run"), at("ended"), { recursive: true });
  await mkdir(at("ended/world"));
  await writeFile(at("ended/world/autoencoder.safetensors"), "");
  const { load } = await modelToPlay({ model: at("ended/checkpoints/step-00000001.safetensors") }, at("e"));
  expect(load.supply).toEqual([at("ended/world/autoencoder.safetensors")]);
});

test("a published configuration takes its weights from a file, and its keys from what its data's actions mean", async () => {
  for (const [name, width] of Object.entries({ "manipulation/rt1": 13, "game/csgo": 51, "navigation/recon": 3 })) {
    const model = join(configs, `${name}.yaml`);
    const { world, load } = await modelToPlay({ model, checkpoint: "mine.ckpt", supply: ["base.ckpt"] }, at("c"));
    expect(load).toEqual({ checkpoint: "mine.ckpt", supply: ["base.ckpt"] });
    const { frame, channels } = await readWorldConfig(world);
    expect([frame.width, frame.height, channels?.length]).toEqual([512, 320, width]);
  }
});

test("what cannot be played says what to give", async () => {
  await expect(modelToPlay({ model: "doom", checkpoint: "x.ckpt" }, at("d"))).rejects.toThrow("--checkpoint");
  await expect(modelToPlay({ model: "x.ckpt", checkpoint: "y.ckpt" }, at("d"))).rejects.toThrow("--checkpoint");
  await expect(modelToPlay({ model: at("absent.ckpt") }, at("d"))).rejects.toThrow(/absent\.ckpt/);
});
