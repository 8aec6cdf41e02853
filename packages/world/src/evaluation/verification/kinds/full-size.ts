// The complete full-size models: every name, shape and element type of their checkpoints, and how many parameters they have. Modules are
// built without memory.
import * as z from "zod";

import { scheduleTables } from "../../../diffusion/schedule-tables.js";
import { noiseSchedule } from "../../../diffusion/schedule.js";
import { latentVideoDiffusionKeyMap } from "../../../model/key-maps/latent-video-diffusion.js";
import {
  clipConfigSchema,
  clipOptions,
  unetConfigSchema,
  unetOptions,
} from "../../../model/key-maps/original-options.js";
import {
  LatentVideoDiffusion,
  publishedUNet,
  type LatentVideoDiffusionOptions,
} from "../../../model/latent-video-diffusion.js";
import { compareExactly, compareNumbers, refuted, type Check } from "../check.js";
import type { FixtureSet, Manifest } from "../fixture-set.js";
import { compareShapes, countParameters, onMeta, originalShapes } from "../models/original-shapes.js";
import { autoencoderConfigSchema, autoencoderOptions } from "../models/recorded-autoencoder.js";
import { resamplerConfigSchema, resamplerOptions } from "../models/recorded-resampler.js";
import type { CaseKind, RecordedCase } from "../recorded-case.js";

const keysSchema = z.record(z.string(), z.tuple([z.array(z.int()), z.string()]));
const countsSchema = z.record(z.string(), z.int());
const configSchema = z.looseObject({
  unet: unetConfigSchema,
  vae: autoencoderConfigSchema.optional(),
  resampler: resamplerConfigSchema.optional(),
  clip: clipConfigSchema.optional(),
});

const manifestSchema = z.looseObject({
  config: configSchema.optional(),
  counts: countsSchema.optional(),
  keys: keysSchema.optional(),
  action_keys: keysSchema.optional(),
});

type Keys = z.output<typeof keysSchema>;

/** Published latents have four channels, and so has what the 1x1 convolutions beside the autoencoder pass on. */
const EMBED_DIM = 4;
const ACTION_KEYS = "model.diffusion_model.action_emb";
const CAUSAL_KEY = "model.diffusion_model.out.2.conv2d.weight";

/** Complete lists of keys, or those of an action encoder alone. */
export const fullKeys: CaseKind = {
  name: "full_keys_*",
  cases(manifest, set) {
    const recorded = manifest.read(manifestSchema);
    const keys = recorded.keys ?? recorded.action_keys ?? {};
    const model = (): LatentVideoDiffusionOptions =>
      optionsOf(configOf(set, manifest, isCausal(keys) || recorded.keys === undefined), {
        causal: isCausal(keys) || recorded.keys === undefined,
        actionDim: actionWidth(keys),
      });
    const cases: RecordedCase[] = [
      modelCase("names and shapes", () => (recorded.keys ? allKeys(model(), keys) : actionKeys(model(), keys))),
    ];
    const { counts } = recorded;
    if (counts !== undefined) cases.push(modelCase("parameters", () => countChecks(model(), "counts", counts)));
    return Promise.resolve(cases);
  },
};

/** Parameter counts of all variants: `causal`, `base`, `causal_a<action width>`. */
export const fullParameterCounts: CaseKind = {
  name: "full_param_counts",
  cases(manifest, set) {
    const variants = manifest.read(z.record(z.string(), countsSchema));
    const cases = Object.entries(variants).map(([name, counts]) =>
      modelCase(name, () => {
        const causal = name.startsWith("causal");
        const config = configOf(set, manifest, causal);
        const width = /_a(\d+)$/.exec(name)?.[1];
        const actionDim = width === undefined ? (causal ? (config?.unet.action_dim ?? 13) : null) : Number(width);
        return countChecks(optionsOf(config, { causal, actionDim }), name, counts);
      }),
    );
    return Promise.resolve(cases);
  },
};

const modelCase = (name: string, check: () => Check[]): RecordedCase => ({
  name,
  usesDtype: false,
  run: () => Promise.resolve().then(check),
});

const isCausal = (keys: Keys): boolean => CAUSAL_KEY in keys;

/** The first layer's weight says how wide the actions are; pressed keys have a table of one row each. */
function actionWidth(keys: Keys): number | null {
  const table = keys[`${ACTION_KEYS}_preprocess.weight`]?.[0];
  return table?.[0] ?? keys[`${ACTION_KEYS}_proj.0.weight`]?.[0][1] ?? null;
}

/** The manifest's own configuration, or that of the complete list of the same form in the folder. */
function configOf(set: FixtureSet, manifest: Manifest, causal: boolean): z.output<typeof configSchema> | undefined {
  const lists = set.manifests.filter(({ kind }) => kind.startsWith("full_keys_"));
  const own = lists.includes(manifest) ? manifest.read(manifestSchema).config : undefined;
  if (own !== undefined) return own;
  const complete = lists.map((list) => list.read(manifestSchema)).filter(({ keys }) => keys !== undefined);
  return complete.find(({ keys }) => isCausal(keys ?? {}) === causal)?.config;
}

/** A configuration as our options; without one, those of the published model. */
function optionsOf(
  config: z.output<typeof configSchema> | undefined,
  { causal, actionDim }: { readonly causal: boolean; readonly actionDim: number | null },
): LatentVideoDiffusionOptions {
  if (config === undefined) return { unet: publishedUNet(actionDim ?? undefined, { causal }) };
  return {
    unet: unetOptions(config.unet, causal, actionDim),
    ...(config.vae && { autoencoder: autoencoderOptions(config.vae, EMBED_DIM) }),
    ...(config.clip && { clip: clipOptions(config.clip) }),
    ...(config.resampler && { resampler: resamplerOptions(config.resampler) }),
  };
}

const shapesOf = (keys: Keys) => new Map(Object.entries(keys).map(([name, [shape]]) => [name, shape] as const));

function allKeys(options: LatentVideoDiffusionOptions, keys: Keys): Check[] {
  const model = onMeta(() => new LatentVideoDiffusion(options));
  // The tables of the noise schedule stand beside the networks; they follow from the configuration.
  const tables = [...scheduleTables(noiseSchedule())].map(([name, values]) => [name, [values.length]] as const);
  const shapes = new Map([...tables, ...originalShapes(model, latentVideoDiffusionKeyMap(options))]);
  const others = Object.entries(keys).filter(([, [, dtype]]) => dtype.replace("torch.", "") !== "float32");
  return [
    compareShapes("keys", shapes, shapesOf(keys)),
    compareExactly("dtypes", others.length === 0, `${others[0]?.[0]} is ${others[0]?.[1][1]}, here float32`),
  ];
}

function actionKeys(options: LatentVideoDiffusionOptions, keys: Keys): Check[] {
  const model = onMeta(() => new LatentVideoDiffusion(options));
  const shapes = [...originalShapes(model, latentVideoDiffusionKeyMap(options))];
  const encoder = shapes.filter(([name]) => name.startsWith(ACTION_KEYS));
  return [compareShapes("action_keys", new Map(encoder), shapesOf(keys))];
}

function countChecks(
  options: LatentVideoDiffusionOptions,
  label: string,
  counts: Readonly<Record<string, number>>,
): Check[] {
  const model = onMeta(() => new LatentVideoDiffusion(options));
  const { unet, autoencoder, textTower, imageTower, resampler } = model;
  const [network, conditioner] = [countParameters(unet), countParameters(resampler)];
  const got: Readonly<Record<string, number>> = {
    unet: network,
    vae: countParameters(autoencoder),
    clip_text_module: countParameters(textTower),
    clip_image_module: countParameters(imageTower),
    clip_image_visual_only: countParameters(imageTower) - countParameters(imageTower.textEnds),
    resampler: conditioner,
    total_params: countParameters(model),
    trainable_reference: network + conditioner,
    n_state_dict_keys: model.stateDict().size + scheduleTables(noiseSchedule()).size,
  };
  return Object.entries(counts).map(([name, expected]) => {
    const value = got[name];
    return value === undefined
      ? refuted(`${label}.${name}`, "is a count that is not known here")
      : compareNumbers(`${label}.${name}`, [value], [expected], {});
  });
}
