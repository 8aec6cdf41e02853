// Results of `vid2world causality` for the terminal.
import type { CausalityReport } from "@vid2world/world/evaluation/causality";
import type { Deviation } from "@vid2world/world/evaluation/deviation";
import { textTable } from "@vid2world/formats/text-table";

const number = (value: number): string => (value === 0 ? "0" : value.toExponential(1));

/** Leaks by kind of layer, then the whole network frame by frame. */
export function showCausality({ kinds, network, causal, frames }: CausalityReport): string {
  const layers = textTable([
    ["layers", "count", "earlier outputs change by", "later ones by", "most in"],
    ...kinds.map(({ kind, layers, earlier, later, worst }) => [
      `${kind} over time`,
      String(layers),
      number(earlier),
      number(later),
      worst ?? "",
    ]),
  ]);
  const whole = textTable([
    ["whole network, changed frame", ...Array.from({ length: frames }, (_, t) => `output ${t}`)],
    ...network.map((row, k) => [`frame ${k + 1}`, ...row.map(number)]),
  ]);
  const verdict = causal
    ? "Strictly causal: nothing flows backward in time."
    : "NOT causal: earlier outputs change when a later frame does.";
  return `${layers}\n\n${whole}\n\n${verdict} (Changes as parts of the outputs' root mean square.)`;
}

/** Deviations: of the first new frame's denoising steps, and of the rollout's frames. */
export function showDeviation(deviations: readonly Deviation[]): string {
  const table = (what: string, of: (deviation: Deviation) => readonly number[]): string =>
    textTable([
      [what, ...(deviations[0] ? of(deviations[0]).map((_, i) => String(i + 1)) : [])],
      ...deviations.map((deviation) => [deviation.name, ...of(deviation).map(number)]),
    ]);
  const steps = table("clean latents at step", ({ steps: all }) => all);
  return `${steps}\n\n${table("new frame", ({ frames }) => frames)}\n(Differences as parts of the window's root mean square.)`;
}
