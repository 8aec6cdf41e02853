// `vid2world rollout --protocol` as it is called: an untrained debug world on invented and on real data, and what is refused.
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readNpzHeaders } from "@vid2world/formats/npy/npz";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { openSafetensors } from "@vid2world/formats";
import { createProgram } from "../program.js";
import { worldOf } from "../rollout/open-world.js";
import { saveTinyWorld } from "../testing/saved-world.js";

const root = resolve(import.meta.dirname, "../../../..");
const debug = join(root, "configs/debug.yaml");
const shared = process.env["VID2WORLD_SHARED"] ?? join(root, "../shared");

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-rollout-command-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** Runs the command and returns what it printed on standard output. */
async function rollout(...words: string[]): Promise<string> {
  const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    const program = await createProgram(["rollout"]);
    await program.parseAsync(["rollout", ...words], { from: "user" });
    return said.mock.calls.flat().join("\n");
  } finally {
    said.mockRestore();
  }
}

const quick = ["--untrained", "--steps", "2", "--frames", "1"];

test("a protocol on the debug configuration writes rollouts, and a second call finds them complete", async () => {
  const out = join(folder, "ar");
  const words = [debug, "--protocol", "ar", ...quick, "--starts", "2", "--out", out];
  expect(await rollout(...words)).toMatch(
    /2 rollouts written \(3 known and 1 predicted frames each\), 0 were complete/,
  );
  expect((await readdir(out)).sort()).toEqual(["synthetic-0", "synthetic-1"]);
  expect(await rollout(...words)).toMatch(/0 rollouts written .*, 2 were complete/);
  const record = JSON.parse(await readFile(join(out, "synthetic-0", "rollout.json"), "utf8")) as object;
  expect(record).toMatchObject({
    settings: { protocol: "ar", sampler: { numSteps: 2, spacing: "uniform_trailing", guidanceScale: 2.5, eta: 1 } },
  });
});

test("flags override the sampler, RANK and WORLD_SIZE share the starts", async () => {
  const out = join(folder, "shared");
  vi.stubEnv("RANK", "1");
  vi.stubEnv("WORLD_SIZE", "2");
  const sampler = ["--guidance", "1", "--rescale", "0", "--eta", "0.5", "--spacing", "uniform"];
  await rollout(debug, "--protocol", "nar", ...quick, ...sampler, "--starts", "2", "--out", out);
  expect(await readdir(out)).toEqual(["synthetic-1"]);
  expect(JSON.parse(await readFile(join(out, "synthetic-1", "rollout.json"), "utf8"))).toMatchObject({
    settings: { seed: 1, sampler: { guidanceScale: 1, guidanceRescale: 0, eta: 0.5, spacing: "uniform" } },
  });
});

test("the configuration's protocol and known frames hold where flags say nothing", async () => {
  const out = join(folder, "own");
  const settings = ["--set", "protocol.name=long", "protocol.frames=2", "contextFrames=2"];
  expect(await rollout(debug, "--untrained", "--steps", "2", "--starts", "1", ...settings, "--out", out)).toMatch(
    /1 rollouts written \(2 known and 2 predicted frames each\)/,
  );
  expect(await readdir(join(out, "synthetic-0"))).toContain("pred_video_step0002.mp4");
});

/** What a rollout without a protocol says that it was made with. */
async function madeWith(rolloutFolder: string): Promise<{ readonly weights: string; readonly sampler: string }> {
  const [name = ""] = await readdir(rolloutFolder);
  await using file = await openSafetensors(join(rolloutFolder, name, "rollout.safetensors"));
  return JSON.parse(file.metadata?.["settings"] ?? "") as { weights: string; sampler: string };
}

test("without a protocol every flag of weights and sampling counts, and those of protocols are refused", async () => {
  const { world, recording } = await saveTinyWorld(join(folder, "own-recordings"));
  const short = ["--frames", "1", "--starts", "1"];
  const out = join(folder, "plain");
  expect(await rollout(world, ...short, "--out", out)).toMatch(/1 rollouts written/);
  const plain = await madeWith(out);
  const sampled = join(folder, "sampled");
  const sampling = ["--guidance", "1", "--eta", "0.5", "--spacing", "uniform", "--steps", "4", "--dtype", "bfloat16"];
  await rollout(world, ...short, ...sampling, "--out", sampled);
  const changed = await madeWith(sampled);
  expect(JSON.parse(changed.sampler)).toMatchObject({ guidanceScale: 1, eta: 0.5, spacing: "uniform", numSteps: 4 });
  expect(changed.weights).not.toBe(plain.weights);
  // What was made by another sampler is not complete.
  expect(await rollout(world, ...short, "--guidance", "1.5", "--out", sampled)).toMatch(/1 rollouts written, 0 were/);
  await expect(rollout(world, ...short, "--context", "3")).rejects.toThrow(/--context: expected a --protocol/);

  const config = join(folder, "own.yaml");
  await writeFile(config, ownConfig(recording));
  const untrained = join(folder, "untrained");
  await rollout(config, "--untrained", ...short, "--set", "sampler.numSteps=2", "--out", untrained);
  expect(JSON.parse((await madeWith(untrained)).sampler)).toMatchObject({ numSteps: 2 });
  await expect(rollout(debug, "--untrained", ...short)).rejects.toThrow(/--recordings: .* trained on other data/);
});

test("of a trained configuration --set changes the sampler and refuses what can change nothing", async () => {
  const { recording, world } = await saveTinyWorld(join(folder, "trained"));
  const here = vi.spyOn(process, "cwd").mockReturnValue(join(folder, "trained"));
  const config = join(folder, "trained", "mine.yaml");
  await writeFile(config, ownConfig(recording));
  const trained = join(folder, "trained", worldOf(config));
  await mkdir(trained, { recursive: true });
  await cp(world, trained, { recursive: true });
  const out = join(folder, "overridden");
  await rollout(config, "--frames", "1", "--starts", "1", "--set", "sampler.guidanceScale=1.5", "--out", out);
  expect(JSON.parse((await madeWith(out)).sampler)).toMatchObject({ guidanceScale: 1.5, numSteps: 2 });
  await expect(rollout(config, "--set", "model.modelChannels=32", "--out", out)).rejects.toThrow(
    /--set: .*runs\/mine\/world is trained already.*model\.modelChannels/s,
  );
  here.mockRestore();
});

const npz = join(shared, "data/formats/expected");
test.skipIf(!existsSync(npz))("an RT-1 folder is read as published (skipped without the shared files)", async () => {
  const file = join(folder, "tiny.yaml");
  await writeFile(file, rt1Config(npz));
  const out = join(folder, "rt1");
  await rollout(file, "--protocol", "ar", ...quick, "--context", "1", "--out", out);
  const [name = ""] = await readdir(out);
  expect(name).toMatch(/^train_eps_/);
  const headers = await readNpzHeaders(join(out, name, "raw_data.npz"));
  expect([...headers].map(([key, { shape }]) => [key, shape])).toEqual([
    ["pred", [3, 2, 320, 512]],
    ["gt", [3, 2, 320, 512]],
    ["action", [2, 13]],
  ]);
});

test("what does not fit is refused by name before any weights are read", async () => {
  const file = join(folder, "refused.yaml");
  await writeFile(file, rt1Config("/nowhere"));
  await expect(rollout(file, "--protocol", "long")).rejects.toThrow(
    /protocol: expected one that fits RT-1 \(ar, nar, action-control\), received "long"/,
  );
  await expect(rollout(file, "--protocol", "ar", ...quick)).rejects.toThrow(
    /\/nowhere: no such file or folder \(data\)/,
  );
  await expect(rollout("doom", "--protocol", "ar", "--untrained")).rejects.toThrow(
    /--untrained: expected a configuration/,
  );
  await expect(rollout("doom", "--protocol", "ar", "--set", "a=1")).rejects.toThrow(/--set: expected nothing/);
  vi.stubEnv("RANK", "one");
  await expect(rollout(debug, "--protocol", "ar", ...quick)).rejects.toThrow(/RANK: expected a whole number/);
});

/** A model for the toy recordings. */
const ownConfig = (recording: string): string => `kind: world
data: { recordings: ${recording}, validationSplit: val }
latents:
  autoencoder: { untrained: { ch: 4, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 2 } }
model:
  inChannels: 8
  outChannels: 4
  modelChannels: 8
  channelMultipliers: [1, 2]
  numResBlocks: 1
  attentionResolutions: []
  headChannels: 8
  normGroups: 4
  temporalLength: 4
  actionDim: 2
training: { batchSize: 1, maxSteps: 1, learningRate: 0.001 }
`;

/** A model for the published pictures, as small as it can be. */
function rt1Config(data: string): string {
  return `kind: world
data: { domain: rt1, folder: ${data} }
latents:
  autoencoder: { untrained: { ch: 4, channelMultipliers: [1, 1, 1, 1], numResBlocks: 1, normGroups: 2 } }
model:
  inChannels: 8
  outChannels: 4
  modelChannels: 8
  channelMultipliers: [1, 2]
  numResBlocks: 1
  attentionResolutions: []
  headChannels: 8
  normGroups: 4
  temporalLength: 4
  actionDim: 13
training: { batchSize: 1, maxSteps: 1, learningRate: 0.001 }
`;
}
