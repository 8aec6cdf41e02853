// Every kind of recorded cases: to add one, write a file in kinds/ and add its line here. The order is that of the report.
import { autoencoder } from "./kinds/autoencoder.js";
import { causalConvolution } from "./kinds/causal-conv.js";
import { checkpoints } from "./kinds/checkpoints.js";
import { clip } from "./kinds/clip.js";
import { endToEnd } from "./kinds/end-to-end.js";
import { fullKeys, fullParameterCounts } from "./kinds/full-size.js";
import { metrics } from "./kinds/metrics.js";
import { resampler } from "./kinds/resampler.js";
import { sampling } from "./kinds/sampling.js";
import { schedule } from "./kinds/schedule.js";
import { timestepEmbedding } from "./kinds/timestep-embedding.js";
import { tokenizer } from "./kinds/tokenizer.js";
import { trainLoss } from "./kinds/train-loss.js";
import { unet } from "./kinds/unet.js";
import type { CaseKind } from "./recorded-case.js";

/** Cheap kinds first. */
export const caseKinds: readonly CaseKind[] = [
  schedule,
  timestepEmbedding,
  causalConvolution,
  tokenizer,
  metrics,
  checkpoints,
  fullKeys,
  fullParameterCounts,
  resampler,
  autoencoder,
  clip,
  unet,
  trainLoss,
  endToEnd,
  sampling,
];

/** Whether a kind covers a manifest of that name: a trailing `*` stands for anything. */
export function covers({ name }: CaseKind, kind: string): boolean {
  return name.endsWith("*") ? kind.startsWith(name.slice(0, -1)) : kind === name;
}
