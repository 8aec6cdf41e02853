// For tests only: the recorded resamplers' configurations as our options.
import type { ResamplerOptions } from "../resampler.js";

/** Arguments of a recorded resampler. */
export interface ResamplerVariant {
  readonly dim: number;
  readonly depth: number;
  readonly dim_head: number;
  readonly heads: number;
  readonly num_queries: number;
  readonly embedding_dim: number;
  readonly output_dim: number;
  readonly ff_mult: number;
  readonly video_length?: number | null;
}

/** The recorded arguments as our options. */
export const resamplerOptions = (variant: ResamplerVariant): ResamplerOptions => ({
  width: variant.dim,
  depth: variant.depth,
  headChannels: variant.dim_head,
  heads: variant.heads,
  numQueries: variant.num_queries,
  inputWidth: variant.embedding_dim,
  outputWidth: variant.output_dim,
  feedForwardMultiplier: variant.ff_mult,
  videoLength: variant.video_length ?? 1,
});
