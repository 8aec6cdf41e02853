// Published checkpoints as worlds and as first weights: whole, in parts, of the wrong variant.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveTensors, type Tensor } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";

import { causalizeState } from "../model/causalize.js";
import { below } from "../model/testing/fixtures.js";
import { UNet3D } from "../model/unet/unet.js";
import { initialiseFrom } from "../training/initialise.js";
import { loadWorld } from "../world-folder.js";
import { closeSources, loadPart, openSources } from "./load-part.js";
import { loadCheckpointWorld } from "./load-world.js";
import { smallConfig, smallModel, writePublished } from "./testing/small-model.js";

const model = smallModel();
const base = smallModel({ causal: false, actionDim: undefined });
const config = smallConfig();
let folder = "";
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-load-"));
  await writePublished(file("whole.ckpt"), model);
  await writePublished(file("base.ckpt"), base, { rename: (key) => key.replace("fps_embedding", "framestride_embed") });
  await writePublished(file("unet.ckpt"), model, { keep: (key) => key.startsWith("model.") });
  await writePublished(file("rest.ckpt"), model, { keep: (key) => !key.startsWith("model.") });
  await writePublished(file("deepspeed.pt"), model, { under: "module", rename: (key) => `_forward_module.${key}` });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const equal = (a: Tensor | undefined, b: Tensor | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.from(a.detach().toBytes()).equals(b.detach().toBytes());
function expectSame(found: ReadonlyMap<string, Tensor>, wanted: ReadonlyMap<string, Tensor>): void {
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  expect([...found].filter(([key, value]) => !equal(value, wanted.get(key))).map(([key]) => key)).toEqual([]);
}

test("a whole checkpoint becomes a world with exactly its weights, which plays", async () => {
  const world = await loadCheckpointWorld(config, file("whole.ckpt"));
  expectSame(world.parts.unet.stateDict(), model.unet.stateDict());
  expectSame(world.parts.autoencoder.stateDict(), model.autoencoder.stateDict());
  world.reset({ frames: new Uint8Array(2 * 16 * 16 * 3).fill(90) });
  expect(world.step(new Float32Array(13))).toHaveLength(16 * 16 * 3);
  world.dispose();
});

test("every network comes back bit for bit, from Lightning's and from DeepSpeed's form", async () => {
  for (const name of ["whole.ckpt", "deepspeed.pt"]) {
    const sources = await openSources([file(name)]);
    const { clip, resampler } = config;
    if (!clip || !resampler) throw new Error("the small configuration describes its scene");
    expectSame((await loadPart("textTower", clip, sources)).stateDict(), model.textTower.stateDict());
    expectSame((await loadPart("imageTower", clip, sources)).stateDict(), model.imageTower.stateDict());
    expectSame((await loadPart("resampler", resampler, sources)).stateDict(), model.resampler.stateDict());
    await closeSources(sources);
  }
});

test("another precision is converted while loading, and nothing else stays in memory", async () => {
  const sources = await openSources([file("whole.ckpt")]);
  const before = liveTensors();
  const half = await loadPart("unet", config.unet, sources, { dtype: "bfloat16" });
  expect(liveTensors() - before).toBe(half.stateDict().size);
  expect(half.outputConv.weight.dtype).toBe("bfloat16");
  expect(equal(half.outputConv.weight, model.unet.outputConv.weight.detach().to("bfloat16"))).toBe(true);
  await closeSources(sources);
});

test("networks of several files complete each other", async () => {
  const world = await loadCheckpointWorld(config, file("unet.ckpt"), { supply: [file("rest.ckpt")] });
  expectSame(world.parts.unet.stateDict(), model.unet.stateDict());
  const partial = loadCheckpointWorld(config, file("unet.ckpt"));
  await expect(partial).rejects.toThrow(/unet\.ckpt: holds no autoencoder \(keys under first_stage_model\.\*\)/);
  await expect(partial).rejects.toThrow(/DynamiCrafter's model\.ckpt.*--supply FILE/);
});

test("missing CLIP towers say which files supply them", async () => {
  await writePublished(file("no-clip.ckpt"), model, { keep: (key) => !/^(cond_stage_model|embedder)/.test(key) });
  await expect(loadCheckpointWorld(config, file("no-clip.ckpt"))).rejects.toThrow(
    /no CLIP text tower.*OpenCLIP's ViT-H-14 \(open_clip_pytorch_model\.bin\)/,
  );
});

test.each([
  [
    "action width",
    { actionDim: 51, actionEncoder: "multiHot" },
    /action width: actions of 13 numbers \(as RT-1\) in the file, actions of 51 keys.*in world "small"/,
  ],
  ["size", { modelChannels: 64 }, /modelChannels: 32 in the file, 64 in world "small"/],
  ["form", { causal: false }, /form: causal world model in the file, bidirectional base model in world/],
  ["levels", { channelMultipliers: [1, 4] }, /channelMultipliers: \[1, 2\] in the file, \[1, 4\]/],
] as const)("a checkpoint of another %s is refused with both named", async (_, change, message) => {
  const refusal = loadCheckpointWorld(smallConfig(change as object), file("whole.ckpt"));
  await expect(refusal).rejects.toThrow(message);
  await expect(refusal).rejects.toThrow(/whole\.ckpt: its U-Net is of another variant/);
});

test("resolutions for which there is no level make no other variant", async () => {
  const same = smallConfig({ attentionResolutions: [1, 2, 4] });
  await expect(loadCheckpointWorld(same, file("whole.ckpt"))).resolves.toBeDefined();
});

test("a base model is refused as a world, with the way to make one of it", async () => {
  await expect(loadCheckpointWorld(config, file("base.ckpt"))).rejects.toThrow(
    /bidirectional base model in the file, causal world model in world "small".*initialise\.from/s,
  );
});

test("another temporal length or weight transfer is refused where the file tells it", async () => {
  const recorded = { format: "vid2world-weights/1", parts: {}, temporalLength: 10, transfer: "masked" };
  const beside = new Map<string, unknown>([["vid2world", JSON.stringify(recorded)]]);
  await writePublished(file("recorded.ckpt"), model, { beside });
  const refusal = loadCheckpointWorld(config, file("recorded.ckpt"), { transfer: "extrapolative" });
  await expect(refusal).rejects.toThrow('temporal length: 10 frames in the file, 6 frames in world "small"');
  await expect(refusal).rejects.toThrow("weight transfer: masked in the file, extrapolative in");
});

test("settings pickled by the published code tell the temporal length too", async () => {
  const params = new Map<string, unknown>([["temporal_length", 20], ["better_weight_transfer", "shift"]]); // prettier-ignore
  await writePublished(file("pickled.ckpt"), model, {
    beside: new Map([["hyper_parameters", new Map([["unet_config", params]])]]),
  });
  await expect(loadCheckpointWorld(config, file("pickled.ckpt"))).rejects.toThrow(
    "temporal length: 20 frames in the file",
  );
});

test("an incomplete network is refused with what is missing", async () => {
  await writePublished(file("cut.ckpt"), model, { keep: (key) => !key.includes("output_blocks.3.0.temopral_conv") });
  await expect(loadCheckpointWorld(config, file("cut.ckpt"))).rejects.toThrow(
    /its U-Net is incomplete.*missing 16 under model\.diffusion_model\./s,
  );
});

test("a world's folder takes its weights from a checkpoint", async () => {
  await mkdir(file("world"));
  await writeFile(join(file("world"), "world.json"), JSON.stringify(config));
  const world = await loadWorld(file("world"), { checkpoint: file("whole.ckpt") });
  expectSame(world.parts.unet.stateDict(), model.unet.stateDict());
});

test("training starts from a base checkpoint as causalised, and keeps its own action encoder", async () => {
  const unet = new UNet3D(config.unet);
  const encoder = new Map([...below(unet.stateDict(), "actionEncoder.")].map(([key, value]) => [key, value.clone()]));
  await initialiseFrom(unet, { from: file("base.ckpt"), transfer: "extrapolative" });
  const wanted = causalizeState(base.unet.stateDict(), { transfer: "extrapolative" });
  const trunk = new Map([...unet.stateDict()].filter(([key]) => !key.startsWith("actionEncoder.")));
  expectSame(trunk, wanted);
  expectSame(below(unet.stateDict(), "actionEncoder."), encoder);
});

test("training starts from a world's checkpoint as it is, and refuses other actions", async () => {
  const unet = new UNet3D({ ...config.unet, temporalLength: 4 });
  await initialiseFrom(unet, { from: file("whole.ckpt"), transfer: "extrapolative" });
  expectSame(unet.stateDict(), model.unet.stateDict());
  const other = new UNet3D({ ...config.unet, actionDim: 3 });
  await expect(initialiseFrom(other, { from: file("whole.ckpt"), transfer: "shift" })).rejects.toThrow(
    /action width: actions of 13 numbers.*in the file, actions of 3 numbers.*in the configured model/,
  );
});
