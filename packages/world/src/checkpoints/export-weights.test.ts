// Exports, read back by Python's PyTorch and by ourselves: bit for bit, under exactly the published names.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSafetensors, saveSafetensors, zeros, type Tensor } from "@vid2world/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { scheduleTables } from "../diffusion/schedule-tables.js";
import { noiseSchedule } from "../diffusion/schedule.js";
import { latentVideoDiffusionKeyMap, scheduleKeys } from "../model/key-maps/latent-video-diffusion.js";
import { hasFixture, manifest } from "../model/testing/fixtures.js";
import { unetOptions, type UNetManifest } from "../model/testing/unet-fixture.js";
import { UNet3D } from "../model/unet/unet.js";
import { saveWorld } from "../world-folder.js";
import { exportWeights } from "./export-weights.js";
import { inspectCheckpoint } from "./inspect.js";
import { loadCheckpointWorld } from "./load-world.js";
import { openCheckpoint } from "./open-checkpoint.js";
import { smallConfig, smallModel, writePublished } from "./testing/small-model.js";

const model = smallModel();
const config = smallConfig();
let folder = "";
const file = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-export-"));
  await saveWorld(file("world"), config, model);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Debian's Python, which has PyTorch 1.13; overridden by VID2WORLD_PYTHON. */
const python = process.env["VID2WORLD_PYTHON"] ?? "/usr/bin/python3";
const hasTorch = ((): boolean => {
  try {
    execFileSync(python, ["-c", "import torch, numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** Reads with plain torch.load, and writes what it got, with other code than ours: keys, types, shapes, bytes. */
const DUMP = `
import hashlib, json, sys, torch
loaded = torch.load(sys.argv[1], map_location="cpu")
state = loaded["state_dict"]
raw = lambda t: t.contiguous().view(torch.uint8 if t.element_size() == 1 else {2: torch.int16, 4: torch.int32, 8: torch.int64}[t.element_size()]).numpy().tobytes() if t.dim() else t.reshape(1).view({2: torch.int16, 4: torch.int32, 8: torch.int64}[t.element_size()]).numpy().tobytes()
print(json.dumps({"top": {k: v for k, v in loaded.items() if k != "state_dict"},
  "state": {k: [str(t.dtype)[6:], list(t.shape), hashlib.sha256(raw(t)).hexdigest()] for k, t in state.items()}}))
`;
/** Loads with PyTorch and saves again, so that the way back is tested with a file that PyTorch wrote. */
const RESAVE = `
import sys, torch
torch.save(torch.load(sys.argv[1], map_location="cpu"), sys.argv[2])
`;

type Dumped = readonly [dtype: string, shape: readonly number[], sha256: string];
function dump(path: string): { top: Record<string, unknown>; state: Record<string, Dumped> } {
  const text = execFileSync(python, ["-c", DUMP, path], { encoding: "utf8", maxBuffer: 2 ** 28 });
  return JSON.parse(text) as ReturnType<typeof dump>;
}

async function contents(path: string): Promise<Map<string, string>> {
  await using checkpoint = await openCheckpoint(path);
  const all = new Map<string, string>();
  for (const [key, { dtype, shape }] of checkpoint.tensors)
    all.set(key, `${dtype} ${shape.join()} ${Buffer.from(await checkpoint.read(key)).toString("base64")}`);
  return all;
}

const same = (a: Tensor, b: Tensor): boolean => Buffer.from(a.detach().toBytes()).equals(b.detach().toBytes());

describe.skipIf(!hasTorch)(`read by ${python} (skipped without PyTorch there)`, () => {
  test("plain torch.load gets every tensor bit for bit under its published name", async () => {
    await exportWeights(file("world"), { format: "lightning", out: file("out.ckpt") });
    const { top, state } = dump(file("out.ckpt"));
    expect(top).toMatchObject({ epoch: 0, global_step: 0 });
    const map = latentVideoDiffusionKeyMap(model.options);
    const { createHash } = await import("node:crypto");
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    const wanted = new Map<string, Dumped>();
    for (const [key, value] of model.stateDict())
      wanted.set(map.toOriginal(key) ?? key, [value.dtype, value.shape, digest(value.detach().toBytes())]);
    for (const [key, values] of scheduleTables(noiseSchedule(config.diffusion)))
      wanted.set(key, ["float32", [values.length], digest(new Uint8Array(values.buffer))]);
    expect(state).toEqual(Object.fromEntries(wanted));
  });

  test("what PyTorch saves again comes back as the same world", async () => {
    await exportWeights(file("world"), { format: "lightning", out: file("there.ckpt") });
    execFileSync(python, ["-c", RESAVE, file("there.ckpt"), file("back.ckpt")]);
    expect(await contents(file("back.ckpt"))).toEqual(await contents(file("there.ckpt")));
    const world = await loadCheckpointWorld(config, file("back.ckpt"));
    const unet = world.parts.unet.stateDict();
    expect([...model.unet.stateDict()].every(([key, value]) => same(value, unet.get(key) as Tensor))).toBe(true);
  });

  test("half precision is written as asked for, the schedule stays float32", async () => {
    await exportWeights(file("world"), { format: "lightning", out: file("half.ckpt"), dtype: "bfloat16" });
    const { state } = dump(file("half.ckpt"));
    const types = new Map(Object.entries(state).map(([key, [dtype]]) => [key, dtype]));
    expect(types.get("betas")).toBe("float32");
    expect(types.get("model.diffusion_model.out.2.conv2d.weight")).toBe("bfloat16");
  });
});

describe.skipIf(!hasFixture("unet_small.json"))("names (skipped without the shared fixtures)", () => {
  test("a small causal U-Net is exported under exactly the recorded names and shapes", async () => {
    const { config: published, keys_causal } = manifest<UNetManifest>("unet_small.json");
    const width = keys_causal["action_emb_proj.0.weight"]?.[1] ?? null;
    const unet = unetOptions(published, true, width);
    const small = new UNet3D(unet);
    const world = smallConfig();
    const { clip: _clip, resampler: _resampler, ...rest } = world;
    await saveWorld(file("unet-world"), { ...rest, unet }, { unet: small, autoencoder: model.autoencoder });
    await exportWeights(file("unet-world"), { format: "lightning", out: file("unet.ckpt") });
    await using exported = await openCheckpoint(file("unet.ckpt"));
    const prefix = "model.diffusion_model.";
    const found = [...exported.tensors].filter(([key]) => key.startsWith(prefix));
    expect(Object.fromEntries(found.map(([key, { shape }]) => [key.slice(prefix.length), shape]))).toEqual(keys_causal);
  });

  test("beside the networks there are exactly the recorded tables", async () => {
    const recorded = manifest<{ keys: Record<string, readonly [readonly number[], string]> }>(
      "full_keys_causal.json",
    ).keys;
    await exportWeights(file("world"), { format: "lightning", out: file("tables.ckpt") });
    await using exported = await openCheckpoint(file("tables.ckpt"));
    const top = Object.entries(recorded).filter(([key]) => !key.includes("."));
    expect(top.map(([key]) => key)).toEqual([...scheduleKeys]);
    for (const [key, [shape, dtype]] of top) expect(exported.tensors.get(key)).toEqual({ dtype, shape });
  });
});

test("safetensors have our names and say what they are", async () => {
  const result = await exportWeights(file("world"), { format: "safetensors", out: file("out.safetensors") });
  expect(result.parts).toEqual(["unet", "autoencoder", "textTower", "imageTower", "resampler"]);
  const loaded = await loadSafetensors(file("out.safetensors"));
  const state = model.stateDict();
  expect([...loaded.keys()].sort()).toEqual([...state.keys()].sort());
  expect([...loaded].every(([key, value]) => same(value, state.get(key) as Tensor))).toBe(true);
  const report = await inspectCheckpoint(file("out.safetensors"));
  expect(report.facts.temporalLength).toBe(6);
  expect(report.parts[0]?.unknown).toEqual([]);
  expect(report.model.title).toBe("world model of vid2world, causal, actions of 13 numbers (as RT-1)");
});

test("a published checkpoint goes to our names and back without a changed bit", async () => {
  await writePublished(file("theirs.ckpt"), model);
  await exportWeights(file("theirs.ckpt"), { format: "safetensors", out: file("ours.safetensors") });
  await exportWeights(file("ours.safetensors"), { format: "lightning", out: file("again.ckpt") });
  const [before, after] = [await contents(file("theirs.ckpt")), await contents(file("again.ckpt"))];
  for (const key of scheduleKeys) after.delete(key); // the first file had none
  expect(new Map([...after].sort())).toEqual(new Map([...before].sort()));
});

test("of a training run's checkpoint the network is exported, the optimiser's state left out and counted", async () => {
  const state = [...model.unet.stateDict()].map(([key, value]) => [`model.${key}`, value] as const);
  const training = [["optimizer.0.mean", zeros([2])], ["ema.decay", zeros([1])]] as const; // prettier-ignore
  const metadata = { position: JSON.stringify({ step: 40, minutes: 1, seed: 0 }) };
  await saveSafetensors(file("step.safetensors"), new Map([...state, ...training]), { metadata });
  const result = await exportWeights(file("step.safetensors"), {
    format: "safetensors",
    out: file("unet.safetensors"),
  });
  expect(result).toMatchObject({ parts: ["unet"], leftOut: 2, tensors: state.length });
  const { facts, model: name } = await inspectCheckpoint(file("unet.safetensors"));
  expect([facts.step, name.title]).toEqual([
    40,
    "world model of vid2world, actions of 13 numbers (as RT-1), U-Net only",
  ]);
});

test("a network that does not say whether it is causal has no published names", async () => {
  await saveSafetensors(file("plain.safetensors"), model.unet.stateDict());
  await expect(exportWeights(file("plain.safetensors"), { format: "lightning", out: file("no.ckpt") })).rejects.toThrow(
    /does not say whether its U-Net is causal.*world\.json does/,
  );
});

test("an incomplete network is refused", async () => {
  await writePublished(file("cut.ckpt"), model, { keep: (key) => key !== "first_stage_model.quant_conv.bias" });
  await expect(exportWeights(file("cut.ckpt"), { format: "safetensors", out: file("no.safetensors") })).rejects.toThrow(
    /cut\.ckpt: its autoencoder is incomplete.*missing 1 under first_stage_model\.quant_conv\./s,
  );
});

test("a file of nothing known is refused", async () => {
  await writePublished(file("other.ckpt"), model, {
    rename: (key) => `x${key}`,
    keep: (key) => key.endsWith("quant_conv.bias"),
  });
  await expect(exportWeights(file("other.ckpt"), { format: "lightning", out: file("no.ckpt") })).rejects.toThrow(
    "none of the known networks",
  );
});
