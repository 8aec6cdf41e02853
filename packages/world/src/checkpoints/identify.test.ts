// What a checkpoint is, from names and shapes: the complete lists of the published models, and variations of them.
import { describe, expect, test } from "vitest";

import { latentVideoDiffusionKeyMap } from "../model/key-maps/latent-video-diffusion.js";
import { hasFixture, manifest } from "../model/testing/fixtures.js";
import type { CheckpointEntry, CheckpointFacts } from "./checkpoint-file.js";
import { identifyCheckpoint } from "./identify.js";
import { nameModel } from "./model-name.js";
import { smallModel, smallOptions } from "./testing/small-model.js";

type Keys = Readonly<Record<string, readonly [shape: readonly number[], dtype: string]>>;

const facts: CheckpointFacts = { optimizer: false, foreignClasses: [], metadata: {} };
const entries = (keys: Keys): Map<string, CheckpointEntry> =>
  new Map(Object.entries(keys).map(([key, [shape, dtype]]) => [key, { shape, dtype }]));
const listed = (form: string): Keys => manifest<{ keys: Keys }>(`full_keys_${form}.json`).keys;
/** The causal list with another action encoder. */
function withActions(width: number): Keys {
  const { action_keys } = manifest<{ action_keys: Keys }>(`full_keys_causal_a${width}_action.json`);
  const others = Object.entries(listed("causal")).filter(([key]) => !key.includes("action_emb"));
  return { ...Object.fromEntries(others), ...action_keys };
}

describe.skipIf(!hasFixture("full_keys_causal.json"))("full-size lists (skipped without the shared fixtures)", () => {
  test.each([
    ["causal 13", () => listed("causal"), "Vid2World world model, actions of 13 numbers (as RT-1)", "RT-1"],
    ["causal 3", () => withActions(3), "Vid2World world model, actions of 3 numbers (as RECON)", "RECON"],
    [
      "causal 51",
      () => withActions(51),
      "Vid2World world model, actions of 51 keys and bins, several at once (as CS:GO)",
      "CS:GO",
    ],
    ["base", () => listed("base"), "DynamiCrafter base model (bidirectional)", undefined],
  ])("%s is recognised, complete, with nothing foreign", (_, keys, title, domain) => {
    const content = identifyCheckpoint(entries(keys()));
    expect(nameModel(content, facts)).toMatchObject({ title, published: true, ...(domain && { domain }) });
    expect(content.foreign).toEqual([]);
    expect(content.scheduleKeys).toHaveLength(13);
    for (const part of Object.values(content.parts)) expect([part.missing, part.misshapen]).toEqual([[], []]);
    expect(content.parts.unet?.unknown).toEqual(["temporalLength"]);
  });

  test("the options and the parameters are those of the published models", () => {
    const { parts } = identifyCheckpoint(entries(listed("causal")));
    const counts = manifest<Record<string, Record<string, number>>>("full_param_counts.json")["causal"];
    expect(parts.unet?.options).toMatchObject({
      ...{ inChannels: 8, outChannels: 4, modelChannels: 320, channelMultipliers: [1, 2, 4, 4], numResBlocks: 2 },
      ...{ attentionResolutions: [4, 2, 1], headChannels: 64, transformerDepth: 1, contextDim: 1024, causal: true },
      ...{ imageCrossAttention: true, fpsCondition: true, additionAttention: true, useLinear: true, actionDim: 13 },
    });
    expect(parts.resampler?.options).toMatchObject({ heads: 12, depth: 4, numQueries: 16, videoLength: 16 });
    expect(parts.imageTower?.options).toMatchObject({
      image: { width: 1280, layers: 32, imageSize: 224, patchSize: 14 },
    });
    const found = Object.fromEntries(Object.entries(parts).map(([part, { parameters }]) => [part, parameters]));
    expect(found).toEqual({
      unet: counts?.["unet"],
      autoencoder: counts?.["vae"],
      textTower: counts?.["clip_text_module"],
      imageTower: counts?.["clip_image_module"],
      resampler: counts?.["resampler"],
    });
  });

  test("older base models' spelling of the frame rate's embedding is understood and reported", () => {
    const renamed = Object.entries(listed("base")).map(([key, value]) => [
      key.replace("fps_embedding", "framestride_embed"),
      value,
    ]);
    const content = identifyCheckpoint(entries(Object.fromEntries(renamed) as Keys));
    expect(content.fpsSpelling).toBe("framestride_embed");
    expect(content.foreign).toEqual([]);
    expect(content.parts.unet?.options.fpsCondition).toBe(true);
  });

  test("networks alone are named, with their prefix or without", () => {
    const only = (prefix: string, cut = ""): Map<string, CheckpointEntry> =>
      new Map(
        [...entries(listed("causal"))].flatMap(([key, entry]) =>
          key.startsWith(prefix) ? [[key.slice(cut.length), entry]] : [],
        ),
      );
    const titleOf = (list: Map<string, CheckpointEntry>): string => nameModel(identifyCheckpoint(list), facts).title;
    expect(titleOf(only("model."))).toBe("Vid2World world model, actions of 13 numbers (as RT-1), U-Net only");
    expect(titleOf(only("model.", "model.diffusion_model."))).toMatch(/U-Net only$/);
    expect(titleOf(only("first_stage_model.", "first_stage_model."))).toBe("no world model: autoencoder only");
    expect(titleOf(only("embedder.", "embedder.model."))).toBe("no world model: CLIP image tower only");
  });

  test("what is missing, misshapen or foreign is listed", () => {
    const keys = new Map(entries(listed("causal")));
    keys.delete("model.diffusion_model.middle_block.0.in_layers.0.weight");
    keys.set("model.diffusion_model.out.0.weight", { shape: [321], dtype: "float32" });
    keys.set("lora.weight", { shape: [1], dtype: "float32" });
    const { parts, foreign } = identifyCheckpoint(keys);
    expect(parts.unet?.missing).toEqual(["model.diffusion_model.middle_block.0.in_layers.0.weight"]);
    expect(parts.unet?.misshapen).toEqual([
      { key: "model.diffusion_model.out.0.weight", found: [321], expected: [320] },
    ]);
    expect(foreign).toEqual(["lora.weight"]);
  });
});

test("a small model in our names is recognised; whether it is causal, its names do not tell", () => {
  const state = [...smallModel().stateDict()].map(([key, { shape, dtype }]) => [key, { shape, dtype }] as const);
  const content = identifyCheckpoint(new Map(state));
  expect(nameModel(content, facts)).toMatchObject({ family: "world", published: false });
  expect(content.foreign).toEqual([]);
  expect(content.parts.unet?.unknown).toContain("causal");
  expect(content.parts.unet?.options).toMatchObject({ modelChannels: 32, channelMultipliers: [1, 2], actionDim: 13 });
  expect(Object.keys(content.parts)).toEqual(["unet", "autoencoder", "textTower", "imageTower", "resampler"]);
});

test("tensors of nothing known stay foreign", () => {
  const content = identifyCheckpoint(new Map([["w", { shape: [1, 1], dtype: "float32" }]]));
  expect(nameModel(content, facts)).toMatchObject({ family: "unknown", title: "none of the known models" });
  expect(content.foreign).toEqual(["w"]);
});

test("whatever the shapes are, looking at them raises nothing", () => {
  const model = smallModel();
  const map = latentVideoDiffusionKeyMap(model.options);
  const keys = [...model.stateDict()].map(([key, { shape }]) => [map.toOriginal(key) ?? key, shape] as const);
  const telling = /time_embed\.0|input_blocks|conv_in|latents|proj|attn2|positional|post_quant|init_attn|visual/;
  let state = 1;
  const random = (below: number): number => (state = (state * 48271) % 2147483647) % below;
  for (let round = 0; round < 12; round++) {
    const changed = keys.flatMap(([key, shape]): [string, CheckpointEntry][] => {
      if (!telling.test(key) || random(4) > 0) return [[key, { shape, dtype: "float32" }]];
      if (random(5) === 0) return []; // gone
      return [[key, { shape: shape.map((length) => [0, 1, 3, length, length * 7][random(5)] ?? 2), dtype: "float32" }]];
    });
    const content = identifyCheckpoint(new Map(changed));
    expect(nameModel(content, facts).title).not.toBe("");
  }
});

test("options that a file claims against its own tensors are not believed", () => {
  const state = [...smallModel().stateDict()].map(([key, { shape, dtype }]) => [key, { shape, dtype }] as const);
  const claimed = { ...smallOptions().unet, transformerDepth: 1e9, causal: true };
  const content = identifyCheckpoint(new Map(state), { options: { unet: claimed } });
  expect(content.parts.unet?.options.transformerDepth).toBe(1);
});
