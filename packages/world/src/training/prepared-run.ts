// A run that is ready to begin, whatever its kind: data read, networks made, nothing trained yet.
import type { TrainingConfig } from "./config.js";
import type { Objective } from "./objective.js";
import { autoencoderRun } from "./run-autoencoder.js";
import { denoisingRun } from "./run-denoising.js";
import { distillationRun } from "./run-distillation.js";
import { tinyDecoderRun } from "./run-tiny-decoder.js";
import type { TrainingData } from "./load-episodes.js";
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

/** Makes the networks of a configuration, for its data. The first weights come from libtorch's generator as it stands. */
export function prepareRun(config: TrainingConfig, data: TrainingData, options: RunOptions): Promise<PreparedRun> {
  switch (config.kind) {
    case "autoencoder":
      return autoencoderRun(config, data, options);
    case "tiny-decoder":
      return tinyDecoderRun(config, data, options);
    case "distillation":
      return distillationRun(config, data, options);
    default:
      return denoisingRun(config, data, options);
  }
}
