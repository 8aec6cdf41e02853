// Every row of the published model table has a configuration that says what the row says, and whose U-Net has the row's keys.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { initializing } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { importedValues, importPublished } from "../config/published/import.js";
import { RT1_TRAINING, worldSample } from "../config/published/testing/sample.js";
import { loadConfig } from "../config/load.js";
import { UNET_PREFIX, unetKeyMap } from "../model/key-maps/unet.js";
import { hasFixture, manifest } from "../model/testing/fixtures.js";
import { UNet3D } from "../model/unet/unet.js";
import { WEIGHTS } from "../weights/manifest.js";
import { WEIGHTS_PREFIX } from "../weights/root.js";
import { trainingConfigSchema, type TrainingConfig } from "./config.js";

const root = path.resolve(import.meta.dirname, "../../../..");

/** The published table, and where its rows are here. */
const ROWS = [
  ["Vid2World-RT1", "manipulation/rt1", "rt1", "extrapolative", true, 100_000, 13],
  ["Vid2World-CSGO", "game/csgo", "csgo", "extrapolative", true, 100_000, 51],
  ["Vid2World-RECON", "navigation/recon", "recon", "extrapolative", true, 100_000, 3],
  ["Vid2World-RT1-NAG", "ablation/rt1-nag", "rt1", "extrapolative", false, 30_000, 13],
  ["Vid2World-RT1-Masked-NAG", "ablation/rt1-masked-nag", "rt1", "masked", false, 30_000, 13],
  ["Vid2World-RT1-30k", "ablation/rt1-30k", "rt1", "extrapolative", true, 30_000, 13],
  ["Vid2World-RT1-Masked", "ablation/rt1-masked", "rt1", "masked", true, 30_000, 13],
  ["Vid2World-RT1-Shift", "ablation/rt1-shift", "rt1", "shift", true, 30_000, 13],
] as const;

type WorldConfig = Extract<TrainingConfig, { kind: "world" }>;

async function load(name: string): Promise<WorldConfig> {
  const config = await loadConfig(path.join(root, "configs", `${name}.yaml`), trainingConfigSchema);
  if (config.kind !== "world") throw new Error(`${name} is no world`);
  return config;
}

type Keys = Readonly<Record<string, readonly [shape: readonly number[], dtype: string]>>;

/** The recorded keys and shapes of the causal U-Net; the action encoder's are those of the width. */
function recordedKeys(actionDim: number): Record<string, string> {
  const { keys } = manifest<{ keys: Keys }>("full_keys_causal.json");
  const own =
    actionDim === 13 ? {} : manifest<{ action_keys: Keys }>(`full_keys_causal_a${actionDim}_action.json`).action_keys;
  const common = Object.entries(keys).filter(([key]) => actionDim === 13 || !key.includes(".action_emb_"));
  const all = [...common, ...Object.entries(own)].filter(([key]) => key.startsWith(UNET_PREFIX));
  return Object.fromEntries(all.map(([key, [shape]]) => [key.slice(UNET_PREFIX.length), shape.join()]));
}

describe.each(ROWS)("%s", (model, name, domain, transfer, guided, steps, actionDim) => {
  test("has a configuration that says domain, transfer, guidance, steps and file of its row", async () => {
    const config = await load(name);
    expect(config).toMatchObject({
      data: { domain, height: 320, width: 512 },
      initialise: { from: "weights:dynamicrafter-512", transfer },
      loss: { levels: "per-frame", actionDropout: guided ? 0.2 : 0, actionDropoutPerTimestep: guided },
      sampler: {
        numSteps: 50,
        spacing: "uniform_trailing",
        eta: 1,
        guidanceScale: guided ? 2.5 : 1,
        guidanceRescale: 0.7,
      },
      training: {
        maxSteps: steps,
        learningRate: 1e-5,
        weightDecay: 0.01,
        gradientClip: 0.5,
        accumulate: 2,
        batchSize: 2,
        checkpointSteps: 1000,
        keepEverySteps: 10_000,
        validateEvery: 5000,
      },
      validation: { every: 5000, clips: 32, batch: 2, order: "whole-clip", trainingClips: 2 },
      checkpoint: `weights:${model.toLowerCase()}`,
      contextFrames: domain === "rt1" ? 1 : 4,
    });
  });

  test.skipIf(!hasFixture("full_keys_causal.json"))(
    "has a U-Net with exactly the recorded keys and shapes",
    async () => {
      const { model: options } = await load(name);
      const unet = initializing({ device: "meta", random: false }, () => new UNet3D(options));
      const map = unetKeyMap(options);
      const keys = [...unet.stateDict()].map(([key, { shape }]) => [map.toOriginal(key), shape.join()]);
      expect(Object.fromEntries(keys)).toEqual(recordedKeys(actionDim));
    },
  );

  test("has a row in the docs", async () => {
    const text = await readFile(path.join(root, "docs/published-models.md"), "utf8");
    const row = text.split("\n").find((line) => line.includes(`/${model})`) || line.startsWith(`| ${model} `));
    expect(row).toBeDefined();
    for (const cell of [`configs/${name}.yaml`, transfer, guided ? "yes" : "no", steps === 30_000 ? "30k" : "100k"]) {
      expect(row).toContain(cell);
    }
  });
});

test("every file that the configurations name is in the manifest", async () => {
  const known = new Set(WEIGHTS.map(({ name }) => WEIGHTS_PREFIX + name));
  for (const [, name] of ROWS) {
    const named = JSON.stringify(await load(name)).match(/weights:[\w-]+/g) ?? [];
    expect(named.length, name).toBeGreaterThan(3);
    expect(named.filter((each) => !known.has(each))).toEqual([]);
  }
});

test("the published training file of RT-1 imports to the configuration that is shipped, but for paths and loggers", async () => {
  const text = worldSample({ data: RT1_TRAINING, maxSteps: 100_000 });
  const fill = { your_checkpoint_path: "weights:dynamicrafter-512", your_data_dir: "data/rt1" };
  const imported = trainingConfigSchema.parse(importedValues(importPublished("rt1.yaml", text, fill)));
  const shipped = await load("manipulation/rt1");
  const { checkpoint, protocol, data, validation, training, ...rest } = shipped;
  expect([checkpoint, protocol, data, validation]).toBeDefined();
  // The file has no loggers, and what they do stands elsewhere in ours.
  const { validateEvery, checkpointSteps, keepEverySteps, ...recipe } = training;
  expect([validateEvery, checkpointSteps, keepEverySteps]).toEqual([5000, 1000, 10_000]);
  const latents = { autoencoder: { checkpoint: "weights:dynamicrafter-512" } };
  expect(imported).toMatchObject({ ...rest, training: recipe, latents });
});
