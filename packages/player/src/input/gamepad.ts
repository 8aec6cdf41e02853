// The gamepad as a source of pushes: it tells nothing by itself, so it is looked at again and again.
import type { Axis } from "./axes.js";
import { type GamepadLayout, type GamepadReading, layoutOf } from "./gamepad-layout.js";
import type { Pilot } from "./pilot.js";
import type { Push } from "./row.js";
import type { Surface } from "./surface.js";

/** Deflection that counts as none. */
const DEAD_ZONE = 0.15;
/** Deflections are told in steps of this, so that a trembling stick sends nothing. */
const STEP = 1 / 32;

/** Plays and pauses. */
const START_BUTTON = 9;
/** Milliseconds between two looks at a gamepad: a press of Start lasts longer, and displays are refreshed late on a busy machine. */
const LOOK_MS = 10;
/** The same while there is none, where the browser does not tell of one. */
const SEARCH_MS = 500;

/** A deflection without the dead zone, -1 to 1, in steps. */
export function deflection(value: number): number {
  const beyond = Math.max(0, Math.abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE);
  return Math.sign(value) * Math.min(1, Math.round(beyond / STEP) * STEP);
}

/** Pushes of a reading: one entry per control, empty where it is let go. */
export function pushesOf({ sticks, places }: GamepadLayout, reading: GamepadReading): Map<string, Push[]> {
  const along = (axis: Axis | undefined, raw: number): Push[] => {
    const value = deflection(raw);
    return axis === undefined || value === 0
      ? []
      : [{ effect: value < 0 ? axis.low : axis.high, strength: Math.abs(value) }];
  };
  const pushes = new Map<string, Push[]>();
  for (const { name, position, x, y } of sticks) {
    const at = position(reading);
    pushes.set(`pad ${name}`, [...along(x, at.x), ...along(y, at.y)]);
  }
  for (const [control, place] of places) {
    if (control.kind === "choice") continue;
    const strength = reading.buttons[place]?.value ?? 0;
    pushes.set(`pad button ${control.label}`, strength > 0.1 ? [{ effect: control.effect, strength }] : []);
  }
  return pushes;
}

/** The first gamepad. Some browsers have none to tell of on http from another machine, or where a site forbids it. */
function connectedGamepad(): Gamepad | undefined {
  try {
    return (navigator.getGamepads as typeof navigator.getGamepads | undefined)?.call(navigator).find((pad) => pad?.connected) ?? undefined; // prettier-ignore
  } catch {
    return undefined;
  }
}

/** Looks at the first gamepad again and again; a press of a choice's button takes the next option. Returns how to stop. */
export function listenToGamepad(pilot: Pilot, surface: Surface, onStart: () => void): () => void {
  const layout = layoutOf(surface);
  let before = new Map<string, string>();
  let letGo = pilot.letGo;
  let down = new Set<number>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function look(): void {
    const pad = connectedGamepad();
    clearTimeout(timer);
    timer = setTimeout(look, pad ? LOOK_MS : SEARCH_MS);
    const pushes = pad ? pushesOf(layout, pad) : new Map<string, Push[]>();
    // What is still held after everything was let go (another window was used) is told again: a stick at its end does not move to say so.
    if (letGo !== pilot.letGo) before = new Map();
    letGo = pilot.letGo;
    for (const source of before.keys()) if (!pushes.has(source)) pushes.set(source, []);
    const next = new Map<string, string>();
    for (const [source, held] of pushes) {
      const state = held.length === 0 ? "" : JSON.stringify(held);
      if (state !== "") next.set(source, state);
      if (state === (before.get(source) ?? "")) continue;
      pilot.push(source, held, before.has(source) ? undefined : performance.now());
    }
    before = next;
    const pressed = new Set((pad?.buttons ?? []).flatMap((button, i) => (button.pressed ? [i] : [])));
    const isNew = (place: number | undefined): boolean => place !== undefined && pressed.has(place) && !down.has(place);
    if (isNew(START_BUTTON)) onStart();
    for (const [control, place] of layout.places) {
      if (control.kind !== "choice" || !isNew(place)) continue;
      const { channel, options } = control;
      const next = ((pilot.latched.value.get(channel) ?? 0) + 1) % options.length;
      pilot.latch([[channel, next === 0 ? undefined : next]]);
    }
    down = pressed;
  }
  look();
  window.addEventListener("gamepadconnected", look);
  return () => {
    clearTimeout(timer);
    window.removeEventListener("gamepadconnected", look);
  };
}
