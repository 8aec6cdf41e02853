// What a checkpoint is called: the known model that it is, or what it is most like.
import type { UNetOptions } from "../model/unet/options.js";
import type { CheckpointFacts } from "./checkpoint-file.js";
import type { CheckpointContent } from "./identify.js";
import { kindOf } from "./match-part.js";
import { partNames } from "./parts.js";

/** The published world models by the actions that they take. */
const DOMAINS = new Map([
  ["continuous 13", "RT-1"],
  ["continuous 3", "RECON"],
  ["multiHot 51", "CS:GO"],
]);

/** Which known model a checkpoint is. */
export interface ModelName {
  /**
   * `vid2world`: the causal world model; `dynamicrafter`: the bidirectional model that it is made from; `world`: a model of this library's
   * own naming; `parts`: networks without a U-Net; `unknown`: none of these.
   */
  readonly family: "vid2world" | "dynamicrafter" | "world" | "parts" | "unknown";
  /** Whether it is of the published size (320 channels, four levels), not a small model of the same design. */
  readonly published: boolean;
  /** RT-1, RECON or CS:GO, which the actions tell. */
  readonly domain?: string;
  /** One line for people. */
  readonly title: string;
}

/** Names a checkpoint. */
export function nameModel(content: CheckpointContent, facts: CheckpointFacts): ModelName {
  const { unet } = content.parts;
  if (unet === undefined) return nameParts(content);
  const { options, naming, unknown } = unet;
  const published = isPublishedSize(options);
  const causal = unknown.includes("causal") ? undefined : (options.causal ?? true);
  const whole = partNames.every((part) => content.parts[part] !== undefined) ? "" : `, ${extent(content)}`;
  if (naming === "ours") {
    const form = causal === undefined ? "" : causal ? ", causal" : ", bidirectional";
    const run = facts.optimizer ? "training checkpoint" : "world model";
    return { family: "world", published, title: `${run} of vid2world${form}, ${actions(options)}${whole}` };
  }
  const size = published ? "" : " of another size than the published one";
  if (causal === false && options.actionDim === undefined)
    return { family: "dynamicrafter", published, title: `DynamiCrafter base model${size} (bidirectional)${whole}` };
  const domain = domainOf(options);
  const form = causal === false ? "bidirectional model with actions" : "Vid2World world model";
  const title = `${form}${size}, ${actions(options)}${whole}`;
  return { family: "vid2world", published, ...(published && domain !== undefined && { domain }), title };
}

/** The action encoder in words. */
export function actions({
  actionDim,
  actionEncoder = "continuous",
}: Pick<UNetOptions, "actionDim" | "actionEncoder">): string {
  if (actionDim === undefined) return "no actions";
  const domain = DOMAINS.get(`${actionEncoder} ${actionDim}`);
  const kind = actionEncoder === "multiHot" ? `${actionDim} keys and bins, several at once` : `${actionDim} numbers`;
  return `actions of ${kind}${domain === undefined ? "" : ` (as ${domain})`}`;
}

const domainOf = ({ actionDim, actionEncoder = "continuous" }: UNetOptions): string | undefined =>
  DOMAINS.get(`${actionEncoder} ${actionDim ?? 0}`);

function isPublishedSize({ modelChannels, channelMultipliers, contextDim }: UNetOptions): boolean {
  return modelChannels === 320 && channelMultipliers?.join() === "1,2,4,4" && contextDim === 1024;
}

/** Which networks are there, where not all are. */
function extent({ parts }: CheckpointContent): string {
  const present = partNames.filter((part) => parts[part] !== undefined).map((part) => kindOf(part).title);
  return present.length === 1 ? `${present[0] ?? ""} only` : present.join(" and ");
}

function nameParts(content: CheckpointContent): ModelName {
  const any = partNames.some((part) => content.parts[part] !== undefined);
  if (any) return { family: "parts", published: false, title: `no world model: ${extent(content)}` };
  const fragment = content.foreign.some((key) =>
    /^(model\.diffusion_model|first_stage_model|cond_stage_model)\./.test(key),
  );
  const title = fragment
    ? "a fragment with the names of the published models; too little to tell its options"
    : "none of the known models";
  return { family: "unknown", published: false, title };
}
