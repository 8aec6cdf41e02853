// Shows frames that were drawn before.
import { newestOnly } from "./newest-only.js";
import type { Screen } from "./screen.js";
import type { PlayerState } from "./state.js";

/** What a display works with. */
export interface DisplaySurroundings {
  readonly state: PlayerState;
  readonly screen: Screen;
  /** The compressed picture of a node. */
  readonly picture: (node: number) => Promise<Blob>;
}

/**
 * Puts a node on the screen; done when it, or one that was asked for later, is there. A slider asks for many: each is fetched only if none was asked
 * for after it.
 */
export function createDisplay({ state, screen, picture }: DisplaySurroundings): (node: number) => Promise<void> {
  const draw = newestOnly(async (node: number) => {
    try {
      await screen.still(picture(node));
    } catch (error) {
      state.notify("bad", `frame ${node} could not be fetched: ${error instanceof Error ? error.message : "unknown"}`);
    }
  });
  return (node) => {
    screen.hold();
    state.shown.value = node;
    return draw(node);
  };
}
