// Every published configuration trains: the same code path as at full size, on tiny data in the original formats, from a tiny checkpoint of
// the published key layout; live and from stored latents.
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { smallModel, smallOptions, writePublished } from "../checkpoints/testing/small-model.js";
import { loadConfig } from "../config/load.js";
import { convertCsgo } from "../data/csgo/csgo-convert.js";
import { convertRecon } from "../data/recon/recon-convert.js";
import { example, temporaryFolder } from "../data/testing/oracle.js";
import { loadWorld } from "../world-folder.js";
import { type TrainingConfig, trainingConfigSchema } from "./config.js";
import { checkInputs } from "./check-inputs.js";
import { encodeRecordings } from "./encode-run.js";
import type { TrainingEvent } from "./events.js";
import { prepareRun } from "./prepared-run.js";
import type { RolloutRequest, RolloutScorer } from "./rollout-validation.js";
import { runTraining } from "./run.js";

const root = path.resolve(import.meta.dirname, "../../../..");
const folder = temporaryFolder();
const checkpoint = path.join(folder, "base.ckpt");
const base = smallModel({ causal: false, actionDim: undefined });
const tar = example("formats/csgo_tar/hdf5_dm_july2021_1_to_200.tar");
const recon = example("formats/recon_release");

beforeAll(() => writePublished(checkpoint, base));
afterAll(() => base.parameters().forEach((parameter) => parameter.dispose()));

/** Everything that a size decides; all else is as published. */
function sizes(): string[] {
  const { unet, autoencoder, clip, resampler } = smallOptions();
  const network = [
    "modelChannels",
    "channelMultipliers",
    "numResBlocks",
    "attentionResolutions",
    "headChannels",
    "contextDim",
  ] as const;
  const settings = {
    ...Object.fromEntries(network.map((key) => [`model.${key}`, unet[key]])),
    ...{ "data.height": 16, "data.width": 16, contextFrames: 1, "model.temporalLength": 4 },
    ...{ "latents.autoencoder.options": autoencoder, "context.clip": clip, "context.resampler": resampler },
    ...{
      "latents.autoencoder.checkpoint": checkpoint,
      "context.checkpoint": checkpoint,
      "initialise.from": checkpoint,
    },
    ...{ "latents.tokenPrecision": "float32" }, // so that stored and live tokens are the same
    ...{ "training.precision": "float32", "training.maxSteps": 2, "training.logEvery": 1, "training.threads": 1 },
    ...{ "validation.clips": 3, "validation.steps": 1 },
  };
  return Object.entries(settings).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
}

/** Three episodes of RT-1, of which one is held out. */
async function rt1(): Promise<string[]> {
  const directory = path.join(folder, "rt1");
  await mkdir(directory, { recursive: true });
  const names = ["train_eps_00000000.npz", "train_eps_00000001.npz", "train_eps_00000002.npz"];
  for (const [e, name] of names.entries()) {
    const image = Uint8Array.from({ length: 8 * 16 * 20 * 3 }, (_, i) => (i * (e + 3)) % 251);
    const action = Float32Array.from({ length: 8 * 13 }, (_, i) => Math.sin(i + e));
    await writeNpz(
      path.join(directory, name),
      new Map([
        ["image", { dtype: "uint8", data: image, shape: [8, 16, 20, 3] }],
        ["action", { dtype: "float32", data: action, shape: [8, 13] }],
      ]),
    );
  }
  await writeFile(path.join(directory, "val.json"), JSON.stringify(names.slice(2)));
  return [`data.folder=${directory}`, `data.validationList=${path.join(directory, "val.json")}`];
}

async function csgo(): Promise<string[]> {
  const directory = path.join(folder, "csgo");
  await convertCsgo({ input: tar ?? "", output: directory });
  const list = path.join(folder, "csgo.txt");
  await writeFile(list, "hdf5_dm_july2021_1865.hdf5\n");
  return [`data.folder=${path.join(directory, "full_res")}`, `data.validationList=${list}`];
}

async function reconData(): Promise<string[]> {
  const [directory, splits] = [path.join(folder, "recon"), path.join(folder, "splits")];
  await convertRecon({ input: recon ?? "", output: directory });
  const names = (await readdir(directory)).filter((name) => name.startsWith("jackal"));
  for (const [split, some] of [
    ["train", names],
    ["test", names.slice(0, 1)],
  ] as const) {
    await mkdir(path.join(splits, split), { recursive: true });
    await writeFile(path.join(splits, split, "traj_names.txt"), some.join("\n"));
  }
  return [`data.folder=${directory}`, `data.splits=${splits}`];
}

const load = (name: string, overrides: readonly string[]): Promise<TrainingConfig> =>
  loadConfig(path.join(root, "configs", `${name}.yaml`), trainingConfigSchema, {
    overrides: [...sizes(), ...overrides],
  });

/** Losses of the steps and of the validation. */
async function losses(config: TrainingConfig, run: string): Promise<number[]> {
  const found: number[] = [];
  const onEvent = (event: TrainingEvent): void => {
    if (event.type === "progress" || event.type === "validation") found.push(event.metrics["loss"] as number);
  };
  const requests: RolloutRequest[] = [];
  // What rolls out and scores belongs to evaluation; here counts what it is asked for.
  const scorer: RolloutScorer = {
    run: (request) => Promise.resolve({ metrics: { psnr: requests.push(request) }, samples: [] }),
    isDone: () => Promise.resolve(false),
  };
  const { finished } = await runTraining(config, { folder: path.join(folder, run), onEvent, scorer });
  expect(requests).toMatchObject([
    {
      step: 2,
      order: "whole-clip",
      frames: 3,
      batch: 2,
      metrics: ["mse", "psnr", "ssim", "lpips", "dreamsim", "fid", "fvd"],
    },
  ]);
  expect([requests[0]?.starts.length, requests[0]?.seen.length]).toEqual([3, 2]);
  expect(finished).toBe(true);
  expect(found.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
  return found;
}

const domains = { rt1, csgo, recon: reconData };
const absent = { rt1: false, csgo: tar === undefined, recon: recon === undefined };

describe.each([
  ["manipulation/rt1", "rt1"],
  ["game/csgo", "csgo"],
  ["navigation/recon", "recon"],
] as const)("configs/%s.yaml", (name, domain) => {
  test.skipIf(absent[domain])(
    "trains live from a published checkpoint, and leaves a world",
    async () => {
      const config = await load(name, await domains[domain]());
      const run = `run-${name}`;
      expect(await losses(config, run)).toHaveLength(3);
      await expect(stat(path.join(folder, run, "latents"))).rejects.toThrow("ENOENT");
      const world = await loadWorld(path.join(folder, run, "world"));
      expect(world.config).toMatchObject({ clip: { text: { width: 32 } }, channels: expect.any(Array) as unknown });
    },
    300_000,
  );
});

test.each(["30k", "shift", "masked", "nag", "masked-nag"])(
  "configs/ablation/rt1-%s.yaml takes its first weights from a published checkpoint",
  async (name) => {
    const config = await load(`ablation/rt1-${name}`, await rt1());
    const run = await prepareRun(config, await checkInputs(config), { folder: path.join(folder, name) });
    expect(run.objective.module.parameters().some(({ requiresGrad }) => requiresGrad)).toBe(true);
    await run.close();
  },
);

test("stored latents give the losses of live ones, and need no towers", async () => {
  const data = [...(await rt1()), "data.augmentation=none"];
  const live = await losses(await load("manipulation/rt1", data), "live");
  const cache = path.join(folder, "latents");
  const config = await load("manipulation/rt1", [...data, `latents.cache=${cache}`]);
  await encodeRecordings(config, {});
  const stored = await losses(config, "stored");
  stored.forEach((loss, i) => expect(loss).toBeCloseTo(live[i] as number, 5));
}, 300_000);

test("an action width, a tower or first weights that do not fit are named before anything is written", async () => {
  const data = await rt1();
  const failing = async (...overrides: string[]): Promise<unknown> =>
    runTraining(await load("manipulation/rt1", [...data, ...overrides]), { folder: path.join(folder, "none") });
  await expect(failing("model.actionDim=7")).rejects.toThrow("model.actionDim: expected 13");
  await expect(failing("context.checkpoint=nowhere.ckpt")).rejects.toThrow("nowhere.ckpt");
  const unetOnly = path.join(folder, "unet.ckpt");
  await writePublished(unetOnly, base, { keep: (key) => key.startsWith("model.diffusion_model") });
  await expect(failing(`context.checkpoint=${unetOnly}`)).rejects.toThrow("holds no CLIP text tower");
  await expect(failing(`latents.autoencoder.checkpoint=${unetOnly}`)).rejects.toThrow("holds no autoencoder");
  await expect(stat(path.join(folder, "none"))).rejects.toThrow("ENOENT");
});
