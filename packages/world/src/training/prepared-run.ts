// A run that is ready to begin, whatever its kind: data read, networks made, nothing trained yet.
import type { TrainingConfig } from "./config.js";
import type { Objective } from "./objective.js";
import { autoencoderRun } from "./run-autoencoder.js";
import { denoisingRun } from "./run-denoising.js";
import { distillationRun } from "./run-distillation.js";
import { tinyDecoderRun } from "./run-tiny-decoder.js";
import type { RunOptions } from "./run.js";
import type { LongValidation } from "./validator.js";

/** What a configuration comes to before its first step. */
export interface PreparedRun {
  readonly objective: Objective;
  /** Prepares what its validation shows: rollouts, or reconstructed frames; absent where it has none. */
  readonly rollouts?: () => LongValidation | Promise<LongValidation>;
  /** The file or folder of the trained model. */
  readonly output: string;
  /** Writes the objective's module, as it is, there. */
  save(): Promise<void>;
  /** Ends threads and closes files that reading needs. */
  close(): Promise<void>;
}

/** Reads the data and makes the networks of a configuration. The first weights come from libtorch's generator as it stands. */
export function prepareRun(config: TrainingConfig, options: RunOptions): Promise<PreparedRun> {
  switch (config.kind) {
    case "autoencoder":
      return autoencoderRun(config, options);
    case "tiny-decoder":
      return tinyDecoderRun(config, options);
    case "distillation":
      return distillationRun(config, options);
    default:
      return denoisingRun(config, options);
  }
}
