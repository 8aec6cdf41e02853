// What a world model must beat: showing the last frame again, and itself under the actions of somebody else.
// Axes: T frames, A action channels; frames are RGB bytes.

import { invalid } from "@vid2world/formats";
import type { RolloutJob } from "./evaluated-world.js";
import { seededRandom } from "./starts.js";

/** The last known frame, shown `frames` times. K*H*W*3 bytes -> frames*H*W*3 bytes; `frameBytes` = H*W*3. */
export function repeatLastFrame(context_THWC: Uint8Array, frameBytes: number, frames: number): Uint8Array {
  const last = context_THWC.subarray(context_THWC.length - frameBytes);
  if (last.length !== frameBytes)
    throw invalid("context_THWC", `at least one frame of ${frameBytes} bytes`, `${last.length} bytes`);
  const repeated = new Uint8Array(frames * frameBytes);
  for (let t = 0; t < frames; t++) repeated.set(last, t * frameBytes);
  return repeated;
}

/**
 * The same jobs, each with the *future* actions of another job: one random cycle through all of them, so that no job keeps
 * its own. What led through the known frames stays true. Needs at least two jobs; `known` = K - 1 rows of `actionWidth`.
 */
export function withShuffledActions<Job extends RolloutJob>(
  jobs: readonly Job[],
  { known, actionWidth, seed }: { readonly known: number; readonly actionWidth: number; readonly seed: number },
): RolloutJob[] {
  if (jobs.length < 2) throw invalid("jobs", "at least two starts, to exchange their actions", jobs.length);
  const order = cycle(jobs.length, seed);
  return jobs.map((job, index) => {
    const actions_TA = job.actions_TA.slice();
    const other = jobs[order[index] as number] as Job;
    actions_TA.set(other.actions_TA.subarray(known * actionWidth), known * actionWidth);
    return { context_THWC: job.context_THWC, actions_TA };
  });
}

/** The job with one action at every future frame, `action_A` numbers, through `frames` frames. */
export function withConstantAction(
  job: RolloutJob,
  action_A: ArrayLike<number>,
  { known, frames }: { readonly known: number; readonly frames: number },
): RolloutJob {
  const width = action_A.length;
  const actions_TA = new Float32Array((known + frames) * width);
  actions_TA.set(job.actions_TA.subarray(0, known * width));
  for (let t = 0; t < frames; t++) actions_TA.set(Float32Array.from(action_A), (known + t) * width);
  return { context_THWC: job.context_THWC, actions_TA };
}

/** A permutation that is one single cycle (Sattolo's algorithm): no element stays in place. */
function cycle(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * last);
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
}
