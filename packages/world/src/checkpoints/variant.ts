// Whether a checkpoint is of the variant that a configuration describes; every difference is named with both sides.
import { FormatError } from "@vid2world/formats";

import type { CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import type { UNetOptions } from "../model/unet/options.js";
import type { CheckpointFacts } from "./checkpoint-file.js";
import type { IdentifiedPart } from "./identify.js";
import { kindOf } from "./match-part.js";
import { actions } from "./model-name.js";
import type { PartOptions } from "./parts.js";
import { structuralDifferences } from "./structure.js";

/** What a configuration says beside the network's options. */
export interface WantedVariant {
  /** How the temporal kernels were made causal. */
  readonly transfer?: string;
  /** What the wishes come from, for the message. Default: the configuration. */
  readonly wantedBy?: string;
}

/** Refuses a network of another variant. `wanted`: the configuration's options, defaults filled in. */
export function requireVariant<Part extends CheckpointPart>(
  path: string,
  found: IdentifiedPart<Part>,
  facts: CheckpointFacts,
  wanted: PartOptions[Part],
  { transfer, wantedBy = "the configuration" }: WantedVariant = {},
): void {
  const differences: Difference[] = [
    ...(found.part === "unet"
      ? unetDifferences(found as IdentifiedPart<"unet">, facts, wanted as UNetOptions, transfer)
      : []),
    ...structuralDifferences(found, wanted).map(({ option, first, second }) => {
      return { what: option, file: first, configuration: second };
    }),
  ];
  if (differences.length === 0) return;
  const lines = differences.map(
    ({ what, file, configuration }) => `  ${what}: ${file} in the file, ${configuration} in ${wantedBy}`,
  );
  const advice =
    differences.find((difference) => difference.advice !== undefined)?.advice ??
    `give the checkpoint of the configured model, or the configuration of this checkpoint (\`vid2world inspect\` tells what it is)`;
  const title = kindOf(found.part).title;
  throw new FormatError(
    path,
    [`its ${title} is of another variant than ${wantedBy} says`, ...lines, `  ${advice}`].join("\n"),
  );
}

interface Difference {
  readonly what: string;
  readonly file: string;
  readonly configuration: string;
  readonly advice?: string;
}

function unetDifferences(
  { options, unknown }: IdentifiedPart<"unet">,
  facts: CheckpointFacts,
  wanted: UNetOptions,
  transfer: string | undefined,
): Difference[] {
  const differences: Difference[] = [];
  const causal = options.causal ?? true;
  if (!unknown.includes("causal") && causal !== (wanted.causal ?? true)) {
    const form = (is: boolean): string => (is ? "causal world model" : "bidirectional base model");
    const advice = causal
      ? "a causal model cannot be made bidirectional again; give the base model's checkpoint"
      : "give the checkpoint of a causal world model, or train one from this file (initialise.from)";
    differences.push({ what: "form", file: form(causal), configuration: form(!causal), advice });
  }
  if (actions(options) !== actions(wanted))
    differences.push({ what: "action width", file: actions(options), configuration: actions(wanted) });
  const frames = facts.temporalLength ?? (unknown.includes("temporalLength") ? undefined : options.temporalLength);
  const { temporalLength = 16 } = wanted;
  if (frames !== undefined && frames !== temporalLength)
    differences.push({ what: "temporal length", file: `${frames} frames`, configuration: `${temporalLength} frames` });
  if (facts.transfer !== undefined && transfer !== undefined && facts.transfer !== transfer)
    differences.push({ what: "weight transfer", file: facts.transfer, configuration: transfer });
  return differences;
}
