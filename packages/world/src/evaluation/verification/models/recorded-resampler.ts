// The resampler of recorded cases.
import { FormatError } from "@vid2world/formats";
import type { Tensor } from "@vid2world/torch";
import * as z from "zod";

import { renameState } from "../../../model/key-maps/key-map.js";
import { resamplerKeyMap } from "../../../model/key-maps/resampler.js";
import { Resampler, type ResamplerOptions } from "../../../model/resampler.js";
import type { Workspace } from "../workspace.js";

/** Arguments of the published constructor, with its own defaults. */
export const resamplerConfigSchema = z.looseObject({
  dim: z.int().default(1024),
  depth: z.int().default(8),
  dim_head: z.int().default(64),
  heads: z.int().default(16),
  num_queries: z.int().default(8),
  embedding_dim: z.int().default(768),
  output_dim: z.int().default(1024),
  ff_mult: z.int().default(4),
  video_length: z.int().nullish(),
});

/** Checked arguments of the published constructor. */
export type ResamplerConfig = z.output<typeof resamplerConfigSchema>;

/** The published constructor's arguments as our options. */
export const resamplerOptions = (config: ResamplerConfig): ResamplerOptions => ({
  width: config.dim,
  depth: config.depth,
  headChannels: config.dim_head,
  heads: config.heads,
  numQueries: config.num_queries,
  inputWidth: config.embedding_dim,
  outputWidth: config.output_dim,
  feedForwardMultiplier: config.ff_mult,
  videoLength: config.video_length ?? 1,
});

/** A resampler with these weights, under their original names. */
export function recordedResampler(
  workspace: Workspace,
  config: ResamplerConfig,
  weights: ReadonlyMap<string, Tensor>,
  from: string,
): Resampler {
  const options = resamplerOptions(config);
  const { state, unknown } = renameState(weights, resamplerKeyMap(options), "toOurs");
  if (unknown.length > 0) throw new FormatError(from, `unknown keys in the resampler's weights: ${unknown.join(", ")}`);
  return workspace.build(() => new Resampler(options), state, from);
}
