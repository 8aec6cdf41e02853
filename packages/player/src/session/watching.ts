// Plays a branch again from the frame shown, without drawing anything new.
import { batch } from "@preact/signals";
import type { PlayerState } from "./state.js";

/** A player of frames that were drawn before. */
export interface Watching {
  begin(): void;
  stop(): void;
}

/** Shows frames through `display` at the rate of the session. */
export function createWatching(state: PlayerState, display: (node: number) => Promise<void>): Watching {
  let timer: ReturnType<typeof setTimeout> | undefined;

  function stop(): void {
    clearTimeout(timer);
    state.watching.value = false;
  }

  async function showNext(): Promise<void> {
    const { timeline, shown, branch, world, fps } = state;
    const frame = timeline.value.get(shown.value)?.frame ?? 0;
    const next = timeline.value.at(branch.value, frame + 1);
    if (next === undefined) return stop();
    const begun = performance.now();
    await display(next);
    if (!state.watching.value) return;
    const frameMs = 1000 / (fps.value ?? world.value?.fps ?? 10);
    timer = setTimeout(() => void showNext(), Math.max(0, frameMs - (performance.now() - begun)));
  }

  return {
    begin() {
      const { timeline, shown, branch } = state;
      clearTimeout(timer);
      batch(() => {
        state.watching.value = true;
        const isAtEnd = timeline.value.tip(branch.value) === shown.value;
        const first = timeline.value.at(branch.value, 0);
        if (isAtEnd && first !== undefined) shown.value = first;
      });
      void showNext();
    },
    stop,
  };
}
