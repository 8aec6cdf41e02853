// Keys of the world that close the tab (Ctrl with W): kept from the browser in full screen, asked about elsewhere.
import { keysOf } from "../input/row.js";
import type { Channel } from "../protocol.js";

/** A part of the Keyboard Lock API, which only Chromium has. */
interface KeyboardLock {
  lock?: (codes: readonly string[]) => Promise<void>;
  unlock?: () => void;
}

/** While Ctrl is a key of the world and held, closing the tab is asked about; in full screen the world gets all its keys. Returns how to stop. */
export function keepFromLeaving(channels: readonly Channel[]): () => void {
  const codes = [...keysOf(channels)].filter((code) => !code.startsWith("Mouse"));
  if (!codes.some((code) => code.startsWith("Control"))) return () => undefined;
  const { keyboard } = navigator as Navigator & { readonly keyboard?: KeyboardLock };
  let isHeld = false;
  const hold = ({ ctrlKey }: KeyboardEvent): void => void (isHeld = ctrlKey);
  const ask = (event: BeforeUnloadEvent): void => {
    if (isHeld) event.preventDefault();
  };
  const lock = (): void => {
    if (document.fullscreenElement === null) keyboard?.unlock?.();
    else keyboard?.lock?.(codes).catch(() => undefined); // refused: then it asks, as elsewhere
  };
  window.addEventListener("keydown", hold);
  window.addEventListener("keyup", hold);
  window.addEventListener("beforeunload", ask);
  document.addEventListener("fullscreenchange", lock);
  return () => {
    window.removeEventListener("keydown", hold);
    window.removeEventListener("keyup", hold);
    window.removeEventListener("beforeunload", ask);
    document.removeEventListener("fullscreenchange", lock);
    keyboard?.unlock?.();
  };
}
