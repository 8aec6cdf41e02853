// Frames with and without CUDA graphs: whether there can be any, and whether they are equal.
import { WorldModel, type WorldParts, type WorldState, releaseState } from "@vid2world/world";
import type { Placement } from "./random-world.js";

/** Why there are no CUDA graphs; undefined where there are. */
export function graphsMissing({ stream }: WorldParts): string | undefined {
  if (stream === undefined) return "the world is not streamed";
  try {
    stream.checkGraphs();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Frames that are drawn: graphs are made with the second history. */
const FRAMES = 3;

/** The largest difference of a frame of two steps drawn with graphs from the one without, as a part of its largest number. */
export function graphDeviation(parts: WorldParts, start: WorldState, device: Placement["device"]): number {
  const [plain, graphed] = [false, true].map((cudaGraphs) => {
    using world = new WorldModel(parts, { device, sampler: { evaluation: "streaming", numSteps: 2, cudaGraphs } });
    world.restore(start);
    for (let i = 0; i < FRAMES; i++) world.step();
    const state = world.snapshot();
    const numbers = state.history.at(-1)?.latent_BCHW.toNumbers() ?? [];
    releaseState(state);
    return numbers;
  }) as [number[], number[]];
  // One by one: a large frame has more numbers than a call takes arguments.
  const largest = (values: readonly number[]): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return largest(graphed.map((value, i) => value - (plain[i] ?? NaN))) / largest(plain);
}
