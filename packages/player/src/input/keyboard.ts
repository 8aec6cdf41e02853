// Keys that play, without taking keys away from the page's own controls.
import type { Channel } from "./channels.js";
import type { Pilot } from "./pilot.js";
import { effectOfKey, keysOf } from "./row.js";

/** What a focused element needs for itself: everything, the keys that press it, or those that move it too. */
function isTakenBy(element: Element | null, code: string): boolean {
  if (element === null || element === document.body) return false;
  if (element.matches("[data-plays]")) return false;
  if (element.matches("input:not([type=range],[type=radio],[type=checkbox],[type=file]), textarea, select"))
    return true;
  if (element.matches("input, [role=slider], [role=listbox]") && /^(Arrow|Page|Home|End|Space)/.test(code)) return true;
  return element.matches("button, a, summary, label, [role=button]") && /^(Space|Enter)$/.test(code);
}

/** Whether a dialog is open, which takes all keys. */
const isModal = (): boolean => document.querySelector("dialog[open]") !== null;

/** Pushes by the keys that the channels name. Returns how to stop listening. */
export function listenToKeys(pilot: Pilot, channels: readonly Channel[]): () => void {
  const codes = keysOf(channels);

  function down(event: KeyboardEvent): void {
    const { code } = event;
    if (!codes.has(code) || isModal() || isTakenBy(document.activeElement, code)) return;
    if (event.metaKey || (event.altKey && !codes.has("AltLeft"))) return; // the browser's own shortcuts
    event.preventDefault();
    if (event.repeat) return;
    pilot.push(`key ${code}`, [{ effect: effectOfKey(channels, code), strength: 1 }], event.timeStamp);
  }
  const up = ({ code }: KeyboardEvent): void => {
    if (codes.has(code)) pilot.push(`key ${code}`, []);
  };
  const release = (): void => pilot.release();

  window.addEventListener("keydown", down);
  window.addEventListener("keyup", up);
  window.addEventListener("blur", release);
  return () => {
    window.removeEventListener("keydown", down);
    window.removeEventListener("keyup", up);
    window.removeEventListener("blur", release);
    pilot.release();
  };
}
