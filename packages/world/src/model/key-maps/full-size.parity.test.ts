// The key maps on the complete key lists of the published full-size models. Modules are built on the meta device: shapes, no memory.
import { initializing, type Module } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { LatentVideoDiffusion, publishedUNet } from "../latent-video-diffusion.js";
import { hasFixture, manifest } from "../testing/fixtures.js";
import { unetOptions, type UNetManifest } from "../testing/unet-fixture.js";
import { unetSchema } from "../unet/options.js";
import { UNet3D } from "../unet/unet.js";
import type { KeyMap } from "./key-map.js";
import { latentVideoDiffusionKeyMap, scheduleKeys } from "./latent-video-diffusion.js";
import { UNET_PREFIX, baseToCausalUNetKey, unetKeyMap } from "./unet.js";

interface FullKeys {
  readonly config: { readonly unet: UNetManifest["config"] & { readonly action_dim?: number } };
  readonly keys: Readonly<Record<string, readonly [shape: readonly number[], dtype: string]>>;
}

type Shapes = Record<string, string>;
type Counts = Record<string, Readonly<Record<string, number>>>;

const onMeta = <M extends Module>(build: () => M): M => initializing({ device: "meta", random: false }, build);

/** Original names and shapes of a module, by its key map; fails where a key is unknown or does not come back. */
function originalShapes(module: Module, map: KeyMap): Shapes {
  const shapes: Shapes = {};
  for (const [key, value] of module.stateDict()) {
    const original = map.toOriginal(key);
    expect(original, `${key} has an original name`).toBeDefined();
    expect(map.toOurs(original as string)).toBe(key);
    shapes[original as string] = value.shape.join();
  }
  return shapes;
}

function recordedShapes(keys: FullKeys["keys"], prefix: string): Shapes {
  const below = Object.entries(keys).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(below.map(([key, [shape]]) => [key.slice(prefix.length), shape.join()]));
}

const count = (module: Module): number => module.parameters().reduce((sum, { numel }) => sum + numel, 0);

const without = (record: Readonly<Record<string, number>> | undefined, name: string): Record<string, number> =>
  Object.fromEntries(Object.entries(record ?? {}).filter(([key]) => key !== name));

const counts = (): Counts => manifest<Counts>("full_param_counts.json");

describe.skipIf(!hasFixture("full_keys_causal.json"))(
  "full-size names and shapes (skipped without the shared fixtures)",
  () => {
    test.each([
      { form: "causal", causal: true },
      { form: "base", causal: false },
    ])("the $form U-Net has exactly the published keys, shapes and parameters", ({ form, causal }) => {
      const { config, keys } = manifest<FullKeys>(`full_keys_${form}.json`);
      const options = unetOptions(config.unet, causal, causal ? (config.unet.action_dim ?? null) : null);
      const model = onMeta(() => new UNet3D(options));
      expect(originalShapes(model, unetKeyMap(options))).toEqual(recordedShapes(keys, UNET_PREFIX));
      expect(count(model)).toBe(counts()[form]?.unet);
    });

    test.each([3, 51])("the action encoder of width %i has the published keys and shapes", (actionDim) => {
      const recorded = manifest<{ action_keys: FullKeys["keys"] } & FullKeys["keys"]>(
        `full_keys_causal_a${actionDim}_action.json`,
      );
      const { config } = manifest<FullKeys>("full_keys_causal.json");
      const options = unetOptions(config.unet, true, actionDim);
      const model = onMeta(() => new UNet3D(options));
      const shapes = Object.entries(originalShapes(model, unetKeyMap(options))).filter(([key]) =>
        key.startsWith("action_emb"),
      );
      const expected = Object.entries(recorded.action_keys).map(([key, [shape]]) => [
        key.replace(UNET_PREFIX, ""),
        shape.join(),
      ]);
      expect(Object.fromEntries(shapes)).toEqual(Object.fromEntries(expected));
      expect(count(model)).toBe(counts()[`causal_a${actionDim}`]?.unet);
    });

    test.each([
      { form: "causal", causal: true },
      { form: "base", causal: false },
    ])("the complete $form model has every published key, with its shape, and no other", ({ form, causal }) => {
      const { config, keys } = manifest<FullKeys>(`full_keys_${form}.json`);
      const unet = unetOptions(config.unet, causal, causal ? (config.unet.action_dim ?? null) : null);
      const model = onMeta(() => new LatentVideoDiffusion({ unet }));
      const tables = scheduleKeys.map((name) => [name, keys[name]?.[0].join()]);
      expect({
        ...originalShapes(model, latentVideoDiffusionKeyMap({ unet })),
        ...Object.fromEntries(tables),
      }).toEqual(recordedShapes(keys, ""));
      expect(Object.keys(keys)).toHaveLength(counts()[form]?.n_state_dict_keys ?? 0);
      const { unet: net, autoencoder, textTower, imageTower, resampler } = model;
      expect({
        unet: count(net),
        vae: count(autoencoder),
        clip_text_module: count(textTower),
        clip_image_module: count(imageTower),
        clip_image_visual_only: count(imageTower) - count(imageTower.textEnds),
        resampler: count(resampler),
        total_params: count(model),
        trainable_reference: count(net) + count(resampler),
      }).toEqual(expect.objectContaining(without(counts()[form], "n_state_dict_keys")));
    });

    test("the published U-Net's options are those recorded", () => {
      const { config } = manifest<FullKeys>("full_keys_causal.json");
      for (const width of [3, 13, 51]) {
        const recorded = unetSchema.parse(unetOptions(config.unet, true, width));
        expect(unetSchema.parse(publishedUNet(width))).toEqual(recorded);
      }
    });

    test("the 178 renames between the two forms are those recorded", () => {
      const base = manifest<FullKeys>("full_keys_base.json").keys;
      const causal = manifest<FullKeys>("full_keys_causal.json").keys;
      const renamed = Object.keys(base).filter((key) => baseToCausalUNetKey(key) !== key);
      expect(renamed).toHaveLength(178);
      expect(renamed.every((key) => !(key in causal) && baseToCausalUNetKey(key) in causal)).toBe(true);
      const small = manifest<UNetManifest>("unet_small.json").rename_base_to_causal;
      for (const [from, to] of Object.entries(small)) expect(baseToCausalUNetKey(from)).toBe(to);
    });
  },
);
