// What --model of `vid2world play` may be.
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readWorldConfig } from "@vid2world/world";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DenoisingRunConfig } from "@vid2world/world/training/config";
import { configOf } from "../rollout/open-world.js";
import { modelToPlay } from "./model-to-play.js";
import { withRunPaths } from "./run-paths.js";

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

test("a checkpoint of a run with a world is that world, wherever its configuration's files are", async () => {
  await mkdir(at("moved/checkpoints"), { recursive: true });
  await mkdir(at("moved/world"));
  await writeFile(at("moved/checkpoints/step-00000001.safetensors"), "");
  await cp(join(configs, "../worlds/doom/world.json"), at("moved/world/world.json"));
  await cp(join(configs, "doom"), at("moved"), { recursive: true });
  await cp(join(configs, "doom/world.yaml"), at("moved/config.yaml")); // names recordings and an autoencoder that are not here
  const { world, starts } = await modelToPlay({ model: at("moved/checkpoints/step-00000001.safetensors") }, at("f"));
  const { name, channels } = await readWorldConfig(world);
  expect([name, channels?.length]).toEqual([
    "moved",
    (await readWorldConfig(join(configs, "../worlds/doom"))).channels?.length,
  ]);
  expect(starts).toBe(resolve(at("moved/world"), "../../recordings/doom-e1m2"));
});

test("the paths of a run's configuration hold from here, from a folder above the run, or are refused by name", async () => {
  await mkdir(at("project/runs/mine"), { recursive: true });
  await mkdir(at("project/data/mine"), { recursive: true });
  const config = await configOf(join(configs, "doom/world.yaml"), {
    set: ["data.recordings=data/mine", `latents.autoencoder=${at("run")}`],
  });
  const { data, latents } = withRunPaths(config as DenoisingRunConfig, at("project/runs/mine"));
  expect(data).toMatchObject({ recordings: at("project/data/mine") });
  expect(latents.autoencoder).toBe(at("run"));
  expect(() => withRunPaths(config as DenoisingRunConfig, at("elsewhere"))).toThrow(
    /elsewhere.config\.yaml: data\.recordings is data.mine, which is neither here nor/,
  );
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
