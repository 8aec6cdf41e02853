// The configurations that the repository ships are valid, and mistakes in them are found.
import path from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../config/load.js";
import { trainingConfigSchema } from "./config.js";

const configs = path.resolve(import.meta.dirname, "../../../../configs");
const load = (name: string, overrides: string[] = []): ReturnType<typeof loadConfig<typeof trainingConfigSchema>> =>
  loadConfig(path.join(configs, name), trainingConfigSchema, { overrides });

test.each([
  "debug.yaml",
  "doom/autoencoder.yaml",
  "doom/base.yaml",
  "doom/world.yaml",
  "doom/rollout.yaml",
  "doom/decoder.yaml",
  "doom/tiny-decoder.yaml",
])("%s is valid", async (name) => {
  expect(await load(name)).toHaveProperty("training.learningRate");
});

test("base and world of the built-in world differ in nothing that a transfer of weights cannot bridge", async () => {
  const [base, world] = [await load("doom/base.yaml"), await load("doom/world.yaml")];
  if (base.kind !== "base" || world.kind !== "world") throw new Error("wrong kinds");
  const { causal, temporalNorm, actionDim, actionEncoder, ...same } = world.model;
  expect({ causal, actionDim, actionEncoder, temporalNorm }).toBeTruthy();
  expect(base.model).toMatchObject(same);
  // Four channels of clean latents either way: those of the first frame, or of the one before.
  const { imageCondition, ...schedule } = world.diffusion;
  expect(imageCondition).toBe("previous-frame");
  expect(base.diffusion).toMatchObject(schedule);
});

test("a misspelt key of a component is found with a suggestion", async () => {
  await expect(load("debug.yaml", ["model.modelChanels=8"])).rejects.toThrow('did you mean "modelChannels"?');
  await expect(load("debug.yaml", ["training.learningrate=8"])).rejects.toThrow('did you mean "learningRate"?');
});

test("a run without an end is refused", async () => {
  await expect(load("doom/world.yaml", ["training.maxMinutes=0"])).rejects.toThrow("training.maxMinutes");
});
