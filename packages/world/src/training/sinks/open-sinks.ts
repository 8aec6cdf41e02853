// The sinks of a run: what every run's folder gets, and what its configuration asks for besides.
import { createHash } from "node:crypto";
import path from "node:path";
import { InvalidArgumentError } from "@vid2world/formats";
import { z } from "zod";
import { stringify } from "yaml";
import type { TrainingListener } from "../events.js";
import { metricsLog } from "./metrics-log.js";
import { redactor } from "./redact.js";
import { runLog } from "./run-log.js";
import { type Sink, type Sinks, joinSinks } from "./sink.js";
import { tensorboardSink } from "./tensorboard.js";
import { openWandb, wandbSchema } from "./wandb.js";

/** Where a run's events go, besides metrics.jsonl and log.jsonl. */
export const loggingSchema = z.strictObject({
  /** Event files in `tensorboard/` of the run's folder. */
  tensorboard: z.boolean().default(true),
  /** Weights & Biases, by the package @wandb/sdk; absent: not used. */
  wandb: wandbSchema.optional(),
});

/** Checked choice of sinks. */
export type LoggingConfig = z.output<typeof loggingSchema>;

/** Opens the sinks of a run in `folder`. `onWarning` is told of those that fail later. */
export async function openSinks(
  folder: string,
  config: { readonly logging: LoggingConfig },
  onWarning: TrainingListener,
): Promise<Sinks> {
  const { tensorboard, wandb } = config.logging;
  const shown = redactor()(config) as object;
  const sinks: Sink[] = [metricsLog(path.join(folder, "metrics.jsonl")), runLog(path.join(folder, "log.jsonl"))];
  if (tensorboard)
    sinks.push(tensorboardSink(path.join(folder, "tensorboard"), { config: stringify(shown, { lineWidth: 120 }) }));
  // The folder is what a resumed run has in common with its earlier parts.
  const id = createHash("sha256").update(path.resolve(folder)).digest("hex").slice(0, 16);
  try {
    if (wandb) sinks.push(await openWandb(wandb, { config: shown, id }));
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw error;
    // A service that does not answer must not keep a run from going on after an interruption.
    const reason = error instanceof Error ? error.message : String(error);
    onWarning({ type: "warning", message: `wandb: ${reason}; the run goes on without it` });
  }
  return joinSinks(sinks, onWarning);
}
