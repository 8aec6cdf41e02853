// The mouse over the picture: its buttons, and its movement once the picture has captured it (pointer lock).
import type { Channel } from "./channels.js";
import type { Pilot } from "./pilot.js";
import { effectOfKey, keysOf, usesMovement } from "./row.js";

const BUTTONS = ["MouseLeft", "MouseMiddle", "MouseRight"] as const;

/** Pushes by mouse buttons and movement. A click captures the mouse first where the world looks at its movement. Returns how to stop. */
export function listenToMouse(pilot: Pilot, channels: readonly Channel[], picture: HTMLElement): () => void {
  const codes = keysOf(channels);
  const captures = usesMovement(channels);
  const hasMouse = (): boolean => !captures || document.pointerLockElement === picture;

  function down(event: MouseEvent): void {
    if (event.target instanceof Element && event.target.closest("button") !== null) return;
    picture.focus();
    const code = BUTTONS[event.button];
    if (!hasMouse()) {
      // Where capturing is not possible (or not allowed), the keys still play.
      const capturable: { requestPointerLock?: () => Promise<void> | undefined } = picture; // phones have none
      if (event.button === 0) Promise.resolve(capturable.requestPointerLock?.()).catch(() => undefined);
    } else if (code !== undefined && codes.has(code)) {
      event.preventDefault();
      pilot.push(`mouse ${code}`, [{ effect: effectOfKey(channels, code), strength: 1 }], event.timeStamp);
    }
  }
  const up = (event: MouseEvent): void => {
    const code = BUTTONS[event.button];
    if (code !== undefined && codes.has(code)) pilot.push(`mouse ${code}`, []);
  };
  const move = (event: MouseEvent): void => {
    if (captures && hasMouse()) pilot.move(event.movementX, event.movementY, event.timeStamp);
  };
  const menu = (event: Event): void => {
    if (codes.has("MouseRight")) event.preventDefault();
  };
  const captured = (): void => {
    if (!hasMouse()) pilot.release();
  };

  picture.addEventListener("mousedown", down);
  picture.addEventListener("contextmenu", menu);
  window.addEventListener("mouseup", up);
  document.addEventListener("mousemove", move);
  document.addEventListener("pointerlockchange", captured);
  return () => {
    picture.removeEventListener("mousedown", down);
    picture.removeEventListener("contextmenu", menu);
    window.removeEventListener("mouseup", up);
    document.removeEventListener("mousemove", move);
    document.removeEventListener("pointerlockchange", captured);
    if (document.pointerLockElement === picture) document.exitPointerLock();
  };
}
