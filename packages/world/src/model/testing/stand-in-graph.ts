// A stand-in for CUDA graphs on the CPU: a "replay" makes the traced calls again, on the very tensors that the capture was given, and writes
// into the very outputs that it gave. As with a device, outputs hold nothing before the first replay, and a replay spoils what others left.
import { type CaptureRun, type CapturedRun, full, keep, scope, type Tensor } from "@vid2world/torch";

/** A stand-in for `captureCudaGraph`, and what became of its graphs. */
export interface StandIn {
  readonly capture: CaptureRun;
  /** Graphs that were captured, replays of all of them, and graphs that are not disposed of. */
  readonly counts: { captured: number; replayed: number; alive: number };
  /** Names of the operators that were captured. */
  readonly operators: Set<string>;
}

/** Makes a stand-in that counts. */
export function standInGraphs(): StandIn {
  const counts = { captured: 0, replayed: 0, alive: 0 };
  const operators = new Set<string>();
  const alive = new Set<readonly Tensor[]>();
  const spoil = (outputs: readonly Tensor[]): void =>
    scope(() => {
      for (const output of outputs) output.copy_(full([], NaN));
    });
  const capture: CaptureRun = (trace, inputs): CapturedRun => {
    const outputs = scope(() => trace.run(inputs).map((output) => keep(output.clone())));
    spoil(outputs);
    for (const { operator } of trace.calls()) operators.add(operator);
    alive.add(outputs);
    counts.captured++;
    counts.alive++;
    return {
      outputs,
      replay: () => {
        counts.replayed++;
        for (const others of alive) if (others !== outputs) spoil(others);
        scope(() => {
          for (const [i, result] of trace.run(inputs).entries()) outputs[i]?.copy_(result);
        });
      },
      dispose: () => {
        counts.alive--;
        alive.delete(outputs);
        for (const output of outputs) output.dispose();
      },
    };
  };
  return { capture, counts, operators };
}
