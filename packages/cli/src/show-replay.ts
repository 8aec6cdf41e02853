// What a replayed step says, for people.
import type { Replay, ReplayedBatch } from "@vid2world/world/training/replay";

/** So many samples and parameters are named; of the others only the number is said. */
const NAMED = 4;

/** The step, then of each micro batch its losses, where numbers stopped being finite, and which gradients are not. */
export function showReplay({ step, lossScale, updatesLater, weights, batches }: Replay): string {
  const scale = lossScale === 1 ? "" : `, loss times ${lossScale}`;
  const state =
    weights.length === 0 ? "the weights before it are finite" : `NOT FINITE BEFORE IT: ${namesOf(weights, "tensors")}`;
  const later = updatesLater === 0 ? "" : `, with weights of ${updatesLater} updates later`;
  const bad = batches.filter(({ layer, parameters }) => layer !== undefined || parameters.length > 0).length;
  const sum =
    bad > 0
      ? `${bad} of ${batches.length} micro batches are not finite`
      : "every number is finite: the step was left out for its gradient's norm (training.instability.maxGradientNorm), or the fault does not come again here";
  return [`step ${step}${scale}${later}: ${state}`, ...batches.flatMap(linesOf), sum].join("\n");
}

function linesOf({ stream, samples, losses, layer, parameters, gradientNorm }: ReplayedBatch): string[] {
  const values = Object.entries({ ...losses, gradientNorm }).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
  return [
    `micro batch ${stream}: ${values.join("  ")}`,
    ...(samples.length > 0 ? [`  samples: ${namesOf(samples, "samples")}`] : []),
    ...(layer === undefined ? [] : [`  first layer whose result is not finite: ${layer.name} (${layer.kind}), ${inputOf(layer.largestInput)}`]), // prettier-ignore
    ...(parameters.length === 0 ? [] : [`  gradient not finite: ${namesOf(parameters, "parameters")}`]),
    ...(layer === undefined && parameters.length > 0 ? ["  every layer's result is finite: the fault is in the loss or in the backward pass"] : []), // prettier-ignore
  ];
}

const inputOf = (largest: number): string =>
  Number.isFinite(largest)
    ? `its input goes up to ${largest.toPrecision(3)}`
    : "its input is not finite either: the fault lies between it and the layer before";

function namesOf(names: readonly string[], what: string): string {
  const first = names.slice(0, NAMED).join(", ");
  return names.length <= NAMED ? first : `${first} ... (${names.length} ${what})`;
}
