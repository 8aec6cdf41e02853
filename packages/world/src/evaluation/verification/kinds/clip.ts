// The CLIP towers: tokens of texts, pictures as they enter the image tower, and the tokens that leave it.
import * as z from "zod";

import { ClipImageTower } from "../../../model/clip/image-tower.js";
import { preprocessImages } from "../../../model/clip/preprocess.js";
import { ClipTextTower } from "../../../model/clip/text-tower.js";
import { imageTowerKeyMap, textTowerKeyMap } from "../../../model/key-maps/clip.js";
import { compareRecorded, type Check } from "../check.js";
import type { Manifest } from "../fixture-set.js";
import { compareShapes, onMeta, originalShapes } from "../models/original-shapes.js";
import { clipOptions } from "../../../model/key-maps/original-options.js";
import { clipWeightsSchema, recordedClip, type ClipTowers } from "../models/recorded-clip.js";
import { compute, type CaseKind, type RecordedCase } from "../recorded-case.js";
import type { RecordedTensors, Workspace } from "../workspace.js";

const manifestSchema = clipWeightsSchema.extend({
  io: z.array(z.string()),
  keys: z.record(z.string(), z.array(z.int())).optional(),
  tolerance: z
    .looseObject({
      text_abs: z.number().default(2e-4),
      pre_abs: z.number().default(2e-4),
      image_tokens_abs: z.number().default(5e-4),
    })
    .prefault({}),
});

type ClipManifest = z.output<typeof manifestSchema>;

/** Text tower, image tower and key list. */
export const clip: CaseKind = {
  name: "clip_small",
  cases(manifest) {
    const recorded = manifest.read(manifestSchema);
    const over = (name: string, check: (given: Given) => Check[]): RecordedCase => ({
      name,
      usesDtype: true,
      run: async (workspace) => {
        const given = await prepare(workspace, manifest, recorded);
        return compute(() => check(given));
      },
    });
    return Promise.resolve([over("text", textChecks), over("images", imageChecks), ...keysCase(recorded)]);
  },
};

interface Given extends ClipTowers {
  readonly tensors: RecordedTensors;
  readonly tolerance: ClipManifest["tolerance"];
}

async function prepare(workspace: Workspace, manifest: Manifest, { io, tolerance }: ClipManifest): Promise<Given> {
  const tensors = await workspace.load(io.map((file) => manifest.path(file)));
  return { ...(await recordedClip(workspace, manifest)), tensors, tolerance };
}

function textChecks({ textTower, tensors, tolerance }: Given): Check[] {
  const tokens = tensors.find("in.tokens");
  if (tokens === undefined) return [];
  const [text, pooled] = [{ abs: tolerance.text_abs }, { abs: tolerance.image_tokens_abs }];
  return [
    ...compareRecorded(tensors, "out.text_penultimate", () => textTower.forward(tokens), text),
    ...compareRecorded(tensors, "out.text_last", () => textTower.forward(tokens, "last"), text),
    ...compareRecorded(tensors, "extra.pooled_text", () => textTower.embed(tokens), pooled),
  ];
}

function imageChecks({ imageTower, tensors, tolerance }: Given): Check[] {
  const { imageSize } = imageTower.options;
  const [square, tokens] = [{ abs: tolerance.pre_abs }, { abs: tolerance.image_tokens_abs }];
  return [...tensors.below("in.image_")].flatMap(([size, image]) => [
    ...compareRecorded(tensors, `out.pre_${size}`, () => preprocessImages(image, imageSize), square),
    ...compareRecorded(tensors, `out.tokens_${size}`, () => imageTower.forward(image), tokens),
    ...compareRecorded(tensors, `extra.pooled_image_${size}`, () => imageTower.embed(image), tokens),
  ]);
}

function keysCase(recorded: ClipManifest): RecordedCase[] {
  const { keys } = recorded;
  if (keys === undefined) return [];
  const run: RecordedCase["run"] = () => {
    const options = clipOptions(recorded);
    const text = onMeta(() => new ClipTextTower(options));
    const image = onMeta(() => new ClipImageTower(options));
    const shapes = new Map([
      ...originalShapes(text, textTowerKeyMap(options)),
      ...originalShapes(image, imageTowerKeyMap(options)),
    ]);
    return Promise.resolve([compareShapes("keys", shapes, new Map(Object.entries(keys)))]);
  };
  return [{ name: "keys", usesDtype: false, run }];
}
