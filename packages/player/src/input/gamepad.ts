// The gamepad: sticks and buttons of a surface laid onto those of the standard layout (https://www.w3.org/TR/gamepad/#remapping).
import type { Pilot } from "./pilot.js";
import type { Effect, Push } from "./row.js";
import type { Surface } from "./surface.js";

/** Deflection that counts as none. */
const DEAD_ZONE = 0.15;
/** Deflections are told in steps of this, so that a trembling stick sends nothing. */
const STEP = 1 / 32;

/** Buttons in the order in which controls get them: right trigger, A, X, Y, B, right and left bumper, left trigger, sticks. */
const BUTTONS = [7, 0, 2, 3, 1, 5, 4, 6, 11, 10] as const;
const BUTTON_NAMES: Readonly<Record<number, string>> = {
  ...{ 0: "A", 1: "B", 2: "X", 3: "Y", 4: "LB", 5: "RB", 6: "LT", 7: "RT", 10: "L3", 11: "R3" },
};
/** Plays and pauses. */
const START_BUTTON = 9;
/** Up, down, left, right of the directional pad: the third stick. */
const PAD = [12, 13, 14, 15] as const;
/** Milliseconds between two looks at a gamepad: a press of Start lasts longer, and displays are refreshed late on a busy machine. */
const LOOK_MS = 10;
/** The same while there is none, where the browser does not tell of one. */
const SEARCH_MS = 500;
const STICK_NAMES = ["left stick", "right stick", "directional pad"];

/** What of a gamepad is looked at. */
export interface GamepadReading {
  readonly axes: readonly number[];
  readonly buttons: readonly { readonly value: number; readonly pressed: boolean }[];
}

/** A deflection without the dead zone, -1 to 1, in steps. */
export function deflection(value: number): number {
  const beyond = Math.max(0, Math.abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE);
  return Math.sign(value) * Math.min(1, Math.round(beyond / STEP) * STEP);
}

/** Which control of a surface sits where on the gamepad, for people. */
export function gamepadHints(surface: Surface): string[] {
  const sticks = surface.sticks.slice(0, 3).map(({ label }, i) => `${STICK_NAMES[i] ?? ""}: ${label}`);
  const buttons = surface.buttons
    .slice(0, BUTTONS.length)
    .map(({ label }, i) => `${BUTTON_NAMES[BUTTONS[i] ?? 0] ?? ""}: ${label}`);
  return [...sticks, ...buttons];
}

/** Pushes of a reading: one entry per control, empty where it is let go. */
export function pushesOf(surface: Surface, { axes, buttons }: GamepadReading): Map<string, Push[]> {
  const pressed = (i: number): number => buttons[i]?.value ?? 0;
  const positions = [
    [axes[0] ?? 0, -(axes[1] ?? 0)],
    [axes[2] ?? 0, -(axes[3] ?? 0)],
    [pressed(PAD[3]) - pressed(PAD[2]), pressed(PAD[0]) - pressed(PAD[1])],
  ] as const;
  const pushes = new Map<string, Push[]>();
  positions.forEach(([x, y], i) => {
    const stick = surface.sticks[i];
    if (stick === undefined) return;
    const along = (low: Effect, high: Effect, raw: number): Push => {
      const value = deflection(raw);
      return { effect: value < 0 ? low : high, strength: Math.abs(value) };
    };
    const both = [stick.x && along(stick.x.low, stick.x.high, x), stick.y && along(stick.y.low, stick.y.high, y)];
    pushes.set(`pad stick ${i}`, both.filter((push) => push !== undefined && push.strength > 0) as Push[]);
  });
  surface.buttons.slice(0, BUTTONS.length).forEach(({ effect }, i) => {
    const strength = pressed(BUTTONS[i] ?? 0);
    pushes.set(`pad button ${i}`, strength > 0.1 ? [{ effect, strength }] : []);
  });
  return pushes;
}

/** Looks at the first gamepad again and again. Returns how to stop. */
export function listenToGamepad(pilot: Pilot, surface: Surface, onStart: () => void): () => void {
  let before = new Map<string, string>();
  let started = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function look(): void {
    const pad = navigator.getGamepads().find((found) => found?.connected);
    clearTimeout(timer);
    timer = setTimeout(look, pad ? LOOK_MS : SEARCH_MS);
    const pushes = pad ? pushesOf(surface, pad) : new Map<string, Push[]>();
    for (const source of before.keys()) if (!pushes.has(source)) pushes.set(source, []);
    const next = new Map<string, string>();
    for (const [source, held] of pushes) {
      const state = held.length === 0 ? "" : JSON.stringify(held);
      if (state !== "") next.set(source, state);
      if (state === (before.get(source) ?? "")) continue;
      pilot.push(source, held, before.has(source) ? undefined : performance.now());
    }
    before = next;
    const start = pad?.buttons[START_BUTTON]?.pressed ?? false;
    if (start && !started) onStart();
    started = start;
  }
  look();
  window.addEventListener("gamepadconnected", look);
  return () => {
    clearTimeout(timer);
    window.removeEventListener("gamepadconnected", look);
  };
}
