// The key maps on the complete key lists of the published full-size models. Modules are built on the meta device: shapes, no memory.
import { initializing, type Module } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { AutoencoderKL } from "../autoencoder/autoencoder.js";
import { Resampler } from "../resampler.js";
import { hasFixture, manifest } from "../testing/fixtures.js";
import { unetOptions, type UNetManifest } from "../testing/unet-fixture.js";
import { UNet3D } from "../unet/unet.js";
import { AUTOENCODER_PREFIX, autoencoderKeyMap } from "./autoencoder.js";
import type { KeyMap } from "./key-map.js";
import { RESAMPLER_PREFIX, resamplerKeyMap } from "./resampler.js";
import { UNET_PREFIX, baseToCausalUNetKey, unetKeyMap } from "./unet.js";

interface FullKeys {
  readonly config: { readonly unet: UNetManifest["config"] & { readonly action_dim?: number } };
  readonly keys: Readonly<Record<string, readonly [shape: readonly number[], dtype: string]>>;
}

type Shapes = Record<string, string>;
type Counts = Record<string, { unet: number; vae: number; resampler: number }>;

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

    test("the autoencoder has exactly the published keys, shapes and parameters", () => {
      const { keys } = manifest<FullKeys>("full_keys_causal.json");
      const model = onMeta(() => new AutoencoderKL());
      expect(originalShapes(model, autoencoderKeyMap())).toEqual(recordedShapes(keys, AUTOENCODER_PREFIX));
      expect(count(model)).toBe(counts()["causal"]?.vae);
    });

    test("the resampler has exactly the published keys, shapes and parameters", () => {
      const { keys } = manifest<FullKeys>("full_keys_causal.json");
      const model = onMeta(() => new Resampler());
      expect(originalShapes(model, resamplerKeyMap())).toEqual(recordedShapes(keys, RESAMPLER_PREFIX));
      expect(count(model)).toBe(counts()["causal"]?.resampler);
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
