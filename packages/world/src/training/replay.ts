// Looks into a step that a run left out: the same weights, samples, noise and dropout once more, this time asking everything.
import { FormatError, readSafetensorsHeader } from "@vid2world/formats";
import { loadSafetensors, scope } from "@vid2world/torch";
import { z } from "zod";
import { drawFor } from "./draws.js";
import type { Objective } from "./objective.js";
import type { TrainingSettings } from "./settings.js";
import { lossesOf } from "./train-step.js";

const positionSchema = z.strictObject({
  step: z.int(),
  seed: z.int(),
  streams: z.array(z.int()),
  lossScale: z.number(),
});

/** One micro batch of a replayed step. */
export interface ReplayedBatch {
  readonly stream: number;
  readonly samples: readonly string[];
  readonly losses: Readonly<Record<string, number>>;
  /** Parameters whose gradient is not finite, in the model's order. */
  readonly parameters: readonly string[];
}

/**
 * Loads the weights of a file in `instability/` of a run's folder into the objective's module and takes the micro batches of its step,
 * one at a time, without an optimiser. The objective and the settings must be those of the run.
 */
export async function replayStep(
  objective: Objective,
  settings: Pick<TrainingSettings, "device" | "precision">,
  file: string,
): Promise<ReplayedBatch[]> {
  const { replay = "null" } = (await readSafetensorsHeader(file)).metadata;
  const found = positionSchema.safeParse(JSON.parse(replay));
  if (!found.success)
    throw new FormatError(file, "is no file to replay; a run writes them to instability/ in its folder");
  const { seed, streams, lossScale } = found.data;
  const { module } = objective;
  const weights = await loadSafetensors(file);
  module.loadStateDict(weights, { from: file }).train();
  for (const tensor of weights.values()) tensor.dispose();
  const batches: ReplayedBatch[] = [];
  for (const stream of streams) {
    const samples = await objective.next?.(seed, stream);
    module.zeroGrad();
    batches.push(
      scope(() => {
        const { total, parts = {} } = lossesOf(objective, { ...settings, seed }, stream, samples);
        total.mul(lossScale).backward();
        const scalars = Object.entries({ loss: total, ...parts }).filter(([, { numel }]) => numel === 1);
        return {
          stream,
          samples: objective.samples?.(drawFor(seed, stream)) ?? [],
          losses: Object.fromEntries(scalars.map(([name, value]) => [name, value.item()])),
          parameters: [...module.namedParameters()].flatMap(([name, { grad }]) =>
            grad === undefined || grad.isfinite().all().item() !== 0 ? [] : [name],
          ),
        };
      }),
    );
  }
  module.zeroGrad();
  return batches;
}
