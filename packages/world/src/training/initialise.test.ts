// First weights from the folders of runs and worlds (from checkpoints: checkpoints/load-world.test.ts).
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CheckpointMismatchError, liveTensors, manualSeed, randn, saveSafetensors } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import { causalizeState } from "../model/causalize.js";
import type { UNetOptions } from "../model/unet/options.js";
import { Resampler, resamplerSchema } from "../model/resampler.js";
import { UNet3D } from "../model/unet/unet.js";
import { saveWorld } from "../world-folder.js";
import { initialiseFrom, initialiseResampler, worldFolderOf } from "./initialise.js";

const small: UNetOptions = {
  ...{ inChannels: 8, outChannels: 4, modelChannels: 8, channelMultipliers: [1], numResBlocks: 1 },
  ...{ attentionResolutions: [], headChannels: 8, temporalLength: 4, normGroups: 4, fpsCondition: false },
};
const withActions: UNetOptions = { ...small, actionDim: 2 };

/** A network without zeros, which zero-initialised layers would hide mistakes behind. */
function network(options: UNetOptions): UNet3D {
  const unet = new UNet3D(options);
  for (const parameter of unet.parameters()) parameter.detach().copy_(randn(parameter.shape));
  return unet;
}

let folder = "";
let base: UNet3D;
let world: UNet3D;
beforeAll(async () => {
  manualSeed(4);
  folder = await mkdtemp(path.join(tmpdir(), "initialise-"));
  [base, world] = [network({ ...small, causal: false }), network(withActions)];
  const options = { ch: 8, channelMultipliers: [1, 1], numResBlocks: 1, normGroups: 4 };
  const autoencoder = new AutoencoderKL(options);
  const described = { name: "small", frame: { width: 32, height: 32, fps: 8 }, autoencoder: options };
  const channels = ["x", "y"].map((name) => ({
    name,
    kind: "continuous" as const,
    range: [-1, 1] as [number, number],
  }));
  await saveWorld(path.join(folder, "base/world"), { ...described, unet: base.options }, { unet: base, autoencoder });
  await saveWorld(
    path.join(folder, "world"),
    { ...described, unet: withActions, channels },
    { unet: world, autoencoder },
  );
});
afterAll(() => rm(folder, { recursive: true }));

const copyOf = (unet: UNet3D): Map<string, number[]> =>
  new Map([...unet.stateDict()].map(([key, value]) => [key, value.toNumbers()]));
const numbers = (state: ReadonlyMap<string, Tensor>): Map<string, number[]> =>
  new Map([...state].map(([key, value]) => [key, value.toNumbers()]));

test.each([
  { transfer: "masked" },
  { transfer: "extrapolative" },
  { transfer: "extrapolative", regressionWindow: 3 },
] as const)("a base run's weights are made causal (%o), and the action encoder stays as it was", async (transfer) => {
  const unet = network(withActions);
  const before = copyOf(unet);
  const count = liveTensors();
  await initialiseFrom(unet, { from: path.join(folder, "base"), ...transfer });
  expect(liveTensors() - count).toBeLessThanOrEqual(base.stateDict().size); // causal kernels are left to the garbage collector
  const expected = numbers(causalizeState(base.stateDict(), transfer));
  const after = copyOf(unet);
  expect(after.size).toBeGreaterThan(expected.size);
  for (const [key, values] of after) expect(values, key).toEqual(expected.get(key) ?? before.get(key));
});

test("windows differ in what they make of the kernels", () => {
  const [two, three] = [2, 3].map((regressionWindow) =>
    numbers(causalizeState(base.stateDict(), { regressionWindow })),
  );
  expect(two).not.toEqual(three);
});

test("a world's weights are taken as they are, action encoder included", async () => {
  const unet = network(withActions);
  await initialiseFrom(unet, { from: path.join(folder, "world"), transfer: "extrapolative" });
  expect(copyOf(unet)).toEqual(copyOf(world));
});

test("a model of another shape is refused, with the file's name, and keeps its weights", async () => {
  const unet = network({ ...withActions, modelChannels: 16 });
  const before = copyOf(unet);
  const failed = initialiseFrom(unet, { from: path.join(folder, "world") });
  await expect(failed).rejects.toThrow(CheckpointMismatchError);
  await expect(failed).rejects.toThrow(path.join(folder, "world/unet.safetensors"));
  expect(copyOf(unet)).toEqual(before);
});

test("a run's folder stands for the world in it", async () => {
  expect(await worldFolderOf(path.join(folder, "base"))).toBe(path.join(folder, "base/world"));
  expect(await worldFolderOf(path.join(folder, "world"))).toBe(path.join(folder, "world"));
});

test("a resampler goes on with the weights that were trained with the source's network", async () => {
  const options = resamplerSchema.parse({ width: 8, depth: 1, heads: 1, headChannels: 8, numQueries: 2, videoLength: 2, inputWidth: 6, outputWidth: 5 }); // prettier-ignore
  const [trained, fresh] = [new Resampler(options), new Resampler(options)];
  const queries = (of: Resampler): number[] => of.queries.toNumbers();
  await initialiseResampler(fresh, options, path.join(folder, "world")); // which has none
  expect(queries(fresh)).not.toEqual(queries(trained));
  await saveSafetensors(path.join(folder, "world/resampler.safetensors"), trained.stateDict());
  await initialiseResampler(fresh, options, path.join(folder, "world"));
  expect(queries(fresh)).toEqual(queries(trained));
  await rm(path.join(folder, "world/resampler.safetensors"));
});

test("a base goes on from a base, and a causal model is not made bidirectional again", async () => {
  const unet = new UNet3D({ ...small, causal: false });
  await initialiseFrom(unet, { from: path.join(folder, "base") });
  expect(copyOf(unet)).toEqual(copyOf(base));
  await expect(initialiseFrom(unet, { from: path.join(folder, "world") })).rejects.toThrow(
    /initialise.from: expected a bidirectional model/,
  );
});
