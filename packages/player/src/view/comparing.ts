// What there is to compare a session's frames with: what really happened, and its other branches.
import type { Comparison, PlayerState } from "../session/state.js";

/** Everything that can be shown beside the branch one is on; the recording first, then branches, the newest first. */
export function comparisons({ session, timeline, branch, comparison }: PlayerState): Comparison[] {
  const shown = comparison.value?.kind === "branch" ? comparison.value.branch : undefined; // stays, wherever one goes
  const others = timeline.value.branches.filter(({ id }) => id !== branch.value || id === shown).toReversed();
  return [
    ...((session.value?.truthFrames ?? 0) > 0 ? [{ kind: "truth" } as const] : []),
    ...others.map(({ id }) => ({ kind: "branch", branch: id }) as const),
  ];
}

/** Shows the first of them beside the picture, or nothing any more. */
export function toggleComparison(state: PlayerState): void {
  state.comparison.value = state.comparison.value === undefined ? comparisons(state)[0] : undefined;
}
