// The page's own keys. A world that uses one of them gets it.
import { keysOf } from "../input/row.js";
import type { Channel } from "../protocol.js";

/** What a shortcut does. */
export type ShortcutAction = "toggle" | "step" | "back" | "watch" | "compare" | "full";

/** Keys of the page. */
export const SHORTCUTS: readonly { readonly code: string; readonly label: string; readonly action: ShortcutAction }[] =
  [
    { code: "KeyP", label: "play, pause", action: "toggle" },
    { code: "Period", label: "one frame on", action: "step" },
    { code: "Comma", label: "one frame back", action: "back" },
    { code: "KeyL", label: "watch again from here", action: "watch" },
    { code: "KeyC", label: "compare with the real one, or a branch", action: "compare" },
    { code: "KeyF", label: "full screen", action: "full" },
  ];

/** Done again and again while the key is held; the others would flicker. */
const REPEATED: readonly ShortcutAction[] = ["step", "back"];

/** Calls `run` for the page's keys that no channel uses. Returns how to stop. */
export function listenToShortcuts(channels: readonly Channel[], run: (action: ShortcutAction) => void): () => void {
  const used = keysOf(channels);
  const down = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || used.has(event.code)) return;
    if (event.target instanceof HTMLInputElement && !/^(range|radio)$/.test(event.target.type)) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const found = SHORTCUTS.find(({ code }) => code === event.code);
    if (found === undefined) return;
    event.preventDefault();
    if (event.repeat && !REPEATED.includes(found.action)) return;
    run(found.action);
  };
  window.addEventListener("keydown", down);
  return () => window.removeEventListener("keydown", down);
}
