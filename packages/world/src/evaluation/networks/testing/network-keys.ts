// For make.py: prints the networks' keys in the order in which counted weights number them. Usage: node network-keys.js | python make.py
import { lpipsTrunks } from "../../metrics/lpips.js";
import { inceptionTensors } from "../inception.js";
import { layerTensors } from "../layers.js";
import { type TransformerForm, transformerShapes } from "../vision-transformer.js";

/** Small transformers of both kinds. */
export const smallForms = {
  dino: {
    ...{ patch: 16, width: 48, layers: 2, heads: 3, imageSize: 64 },
    ...{ epsilon: 1e-6, inputNorm: false, gelu: "exact" },
  },
  clip: {
    ...{ patch: 16, width: 48, layers: 2, heads: 3, imageSize: 64 },
    ...{ epsilon: 1e-5, inputNorm: true, gelu: "quick" },
  },
} as const satisfies Record<string, TransformerForm>;

/** A low-rank change of every attention of the small transformers, as PEFT names it. */
export const smallAdapter = {
  ...{ rank: 2, alpha: 1, projected: 20 },
  shapes: Object.fromEntries(
    [0, 1].flatMap((branch) =>
      [0, 1].flatMap((block) => {
        const key = `base_model.model.extractor_list.${branch}.model.blocks.${block}.attn.qkv.lora_`;
        return [
          [`${key}A.weight`, [2, 48]],
          [`${key}B.weight`, [144, 2]],
        ];
      }),
    ),
  ) as Readonly<Record<string, readonly number[]>>,
} as const;

/** What make.py reads. */
export function networkKeys(): object {
  const transformers = Object.entries(smallForms).map(([name, form]) => [
    name,
    { ...form, shapes: Object.fromEntries(transformerShapes(form)) },
  ]);
  return {
    vgg: [...layerTensors(lpipsTrunks.vgg.layers, 3).shapes.keys()],
    alex: [...layerTensors(lpipsTrunks.alex.layers, 3).shapes.keys()],
    inception: [...inceptionTensors.shapes.keys()],
    transformers: Object.fromEntries(transformers) as object,
    adapter: smallAdapter,
  };
}

if (process.argv[1]?.endsWith("network-keys.js")) process.stdout.write(JSON.stringify(networkKeys()));
