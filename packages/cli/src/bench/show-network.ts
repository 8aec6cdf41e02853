// The results of `bench forward` and `bench train-step` for the terminal.
import type { EqualityCheck } from "./equality.js";
import type { NetworkResult, NetworksResult } from "./run-network.js";
import { textTable } from "@vid2world/formats/text-table";

/** All configurations, each with its times and its comparison. */
export function showNetworks({ benchmark, results }: NetworksResult): string {
  return results.map((result) => `${heading(benchmark, result)}\n${times(result)}\n\n${equality(result)}`).join("\n\n");
}

function heading(benchmark: string, { name, parameters, batch, frames, latents }: NetworkResult): string {
  const millions = (parameters / 1e6).toFixed(1);
  return `${name} (${millions} M parameters), ${benchmark} of ${batch} x ${frames} frames of ${latents.join("x")}, float32`;
}

function times({ sides, ratio }: NetworkResult): string {
  const ms = (value: number): string => value.toFixed(1);
  const part = (value: number): string => `${value.toFixed(2)}x`;
  return textTable([
    ["", "median ms", "minimum ms", "processor ms", "peak MiB"],
    ...sides.map(({ side, layout, time, cpuTime, peakKiB }) => [
      side === "ours" ? "ours" : `PyTorch, ${layout === "channelsLast" ? "channels last" : "contiguous"}`,
      ...[ms(time.median), ms(time.minimum), ms(cpuTime.median), ms(peakKiB / 1024)],
    ]),
    [
      "ours / the better PyTorch",
      ...[part(ratio.time.median), part(ratio.time.minimum), part(ratio.cpuTime.median), part(ratio.memory)],
    ],
  ]);
}

function equality({ equality: checks }: NetworkResult): string {
  const cell = ({ differences }: EqualityCheck, group: string): string =>
    (differences[group]?.relative ?? NaN).toExponential(1);
  return textTable([
    ["largest relative difference", "output", "loss", "gradients", "weights after a step", ""],
    ...checks.map((check) => [
      `${check.mode}, ${check.dtype}, dropout ${check.dropout}`,
      ...["output", "loss", "gradient", "updated"].map((group) => cell(check, group)),
      check.unequal.length === 0 ? "equal to rounding" : `NOT EQUAL: ${check.unequal.join(", ")}`,
    ]),
  ]);
}
