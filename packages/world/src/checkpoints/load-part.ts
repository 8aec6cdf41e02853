// Loads single networks out of checkpoints: found among the files given, checked against the wanted options, filled tensor by tensor.
import { FormatError } from "@vid2world/formats";
import { initializing, type Device } from "@vid2world/torch";

import type { CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import { partPrefixes } from "../model/key-maps/latent-video-diffusion.js";
import type { CheckpointFile } from "./checkpoint-file.js";
import { fillModule, type FillOptions } from "./fill-module.js";
import { groupKeys } from "./key-groups.js";
import { identifyCheckpoint, type CheckpointContent, type IdentifiedPart } from "./identify.js";
import { kindOf, matchPart, type PartMatch } from "./match-part.js";
import { openCheckpoint } from "./open-checkpoint.js";
import type { PartModules, PartOptions } from "./parts.js";
import { requireVariant, type WantedVariant } from "./variant.js";

/** An open checkpoint and what it holds. */
export interface PartSource {
  readonly file: CheckpointFile;
  readonly content: CheckpointContent;
}

/** How a network is loaded. */
export interface LoadPartOptions extends WantedVariant, Pick<FillOptions, "onProgress"> {
  /** Type of the weights in memory; the file may hold another. Default float32. */
  readonly dtype?: "float32" | "bfloat16" | "float16";
  readonly device?: Device;
}

/** Opens checkpoints whose networks complete each other; the first file that has a network supplies it. Close them all afterwards. */
export async function openSources(paths: readonly string[]): Promise<PartSource[]> {
  const sources: PartSource[] = [];
  try {
    for (const path of paths) {
      const file = await openCheckpoint(path);
      sources.push({ file, content: identifyCheckpoint(file.tensors, file.facts) });
    }
    return sources;
  } catch (error) {
    await closeSources(sources);
    throw error;
  }
}

/** Closes what `openSources` opened. */
export async function closeSources(sources: readonly PartSource[]): Promise<void> {
  await Promise.all(sources.map(({ file }) => file.close()));
}

/**
 * Builds a network with `options` (defaults filled in) and fills it from the first source that has it. Ready for evaluation.
 * @throws FormatError if no source has it, if it is of another variant, or if tensors are missing.
 */
export async function loadPart<Part extends CheckpointPart>(
  part: Part,
  options: PartOptions[Part],
  sources: readonly PartSource[],
  { dtype = "float32", device = "cpu", onProgress, ...wanted }: LoadPartOptions = {},
): Promise<PartModules[Part]> {
  const { file, found } = findPart(part, sources);
  requireVariant(file.path, found, file.facts, options, wanted);
  const match = requireMatch(file, found, matchPart(part, options, found, shapesOf(file)));
  const module = initializing({ random: false, dtype }, () => kindOf(part).build(options));
  await fillModule(module, file, match.keys, { fresh: true, ...(onProgress && { onProgress }) });
  if (device !== "cpu") module.to(device);
  module.requiresGrad_(false).eval();
  return module;
}

/** The source that has a network. */
export function findPart<Part extends CheckpointPart>(
  part: Part,
  sources: readonly PartSource[],
): { readonly file: CheckpointFile; readonly found: IdentifiedPart<Part> } {
  for (const { file, content } of sources) {
    const found = content.parts[part];
    if (found) return { file, found };
  }
  const [first] = sources;
  throw new FormatError(
    sources.map(({ file }) => file.path).join(", "),
    `${sources.length === 1 ? "holds" : "hold"} no ${kindOf(part).title} (keys under ${partPrefixes[part]}*${fragment(part, first)}); ${SUPPLIERS[part]}`,
  );
}

/** Which published file supplies a network. */
const WHOLE =
  "the published whole models hold it (DynamiCrafter's model.ckpt: vid2world weights pull dynamicrafter-512; Vid2World's checkpoints)";
const SUPPLIERS: Readonly<Record<CheckpointPart, string>> = {
  unet: `${WHOLE}: give one of these`,
  autoencoder: `${WHOLE}: give one of these too (--supply FILE)`,
  textTower: `${WHOLE}, and so does OpenCLIP's ViT-H-14 (open_clip_pytorch_model.bin): give one of these too (--supply FILE)`,
  imageTower: `${WHOLE}, and so does OpenCLIP's ViT-H-14 (open_clip_pytorch_model.bin): give one of these too (--supply FILE)`,
  resampler: `${WHOLE}: give one of these too (--supply FILE)`,
};

/** Keys that begin as the network's, where they are too few to be one. */
function fragment(part: CheckpointPart, source: PartSource | undefined): string {
  const keys = [...(source?.file.tensors.keys() ?? [])].filter((key) => key.startsWith(partPrefixes[part]));
  return keys.length === 0 ? "" : `, of which there are only ${keys.length}`;
}

/** Refuses a network whose tensors are incomplete or have other shapes. */
export function requireMatch(
  file: CheckpointFile,
  { part }: { readonly part: CheckpointPart },
  match: PartMatch | undefined,
): PartMatch {
  const title = kindOf(part).title;
  if (!match) throw new FormatError(file.path, `no ${title} can have the options that were asked for`);
  const { missing, misshapen } = match;
  if (missing.length + misshapen.length === 0) return match;
  const lines = groupKeys(missing).map(
    ({ prefix, count, examples }) =>
      `  missing ${count} under ${prefix}: ${examples.join(", ")}${count > examples.length ? ", ..." : ""}`,
  );
  const shape = misshapen
    .slice(0, 3)
    .map(({ key, found, expected }) => `  ${key} is [${found.join(", ")}], expected [${expected.join(", ")}]`);
  const more = misshapen.length > 3 ? [`  and ${misshapen.length - 3} more of another shape`] : [];
  throw new FormatError(
    file.path,
    [`its ${title} is incomplete or of another kind than was asked for`, ...lines, ...shape, ...more].join("\n"),
  );
}

/** Shapes by key. */
export const shapesOf = (file: CheckpointFile): Map<string, readonly number[]> =>
  new Map([...file.tensors].map(([key, { shape }]) => [key, shape]));
