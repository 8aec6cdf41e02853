// The gamepad: sticks and buttons of a surface laid onto those of the standard layout (https://www.w3.org/TR/gamepad/#remapping).
import type { Pilot } from "./pilot.js";
import type { Effect, Push } from "./row.js";
import type { Button, Surface } from "./surface.js";

/** Deflection that counts as none. */
const DEAD_ZONE = 0.15;
/** Deflections are told in steps of this, so that a trembling stick sends nothing. */
const STEP = 1 / 32;

/** Buttons in the order in which controls get them: right trigger, A, X, Y, B, right and left bumper, left trigger, sticks. */
const BUTTONS = [7, 0, 2, 3, 1, 5, 4, 6, 11, 10] as const;
/** Where gamepads usually have what keyboards have on these keys: aiming and firing on the triggers, jumping on A. */
const USUAL: Readonly<Record<string, number>> = {
  ...{ "left click": 7, "right click": 6, Space: 0, Ctrl: 1, R: 2, Shift: 10 },
};
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

/** Which button of the gamepad each button and choice of a surface gets; those that come too late have none. */
function placesOf({ buttons, choices }: Surface): Map<string, number> {
  const places = new Map<string, number>();
  const free = new Set<number>(BUTTONS);
  const give = (label: string, place: number | undefined): void => {
    if (place === undefined || !free.delete(place)) return;
    places.set(label, place);
  };
  const usual = ({ keys }: Button): number | undefined =>
    Object.entries(USUAL).find(([key, place]) => keys.includes(key) && free.has(place))?.[1];
  for (const button of buttons) give(button.label, usual(button));
  for (const { label } of [...buttons, ...choices]) if (!places.has(label)) give(label, [...free][0]);
  return places;
}

/** Which control of a surface sits where on the gamepad, for people. */
export function gamepadHints(surface: Surface): string[] {
  const places = placesOf(surface);
  const sticks = surface.sticks.slice(0, 3).map(({ label }, i) => `${STICK_NAMES[i] ?? ""}: ${label}`);
  const buttons = [...surface.buttons, ...surface.choices].flatMap(({ kind, label }) => {
    const place = places.get(label);
    return place === undefined ? [] : [`${BUTTON_NAMES[place] ?? ""}: ${kind === "choice" ? "next " : ""}${label}`];
  });
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
  const places = placesOf(surface);
  for (const { label, effect } of surface.buttons) {
    const strength = pressed(places.get(label) ?? -1);
    pushes.set(`pad button ${label}`, strength > 0.1 ? [{ effect, strength }] : []);
  }
  return pushes;
}

/** Looks at the first gamepad again and again; a press of a choice's button takes the next option. Returns how to stop. */
export function listenToGamepad(pilot: Pilot, surface: Surface, onStart: () => void): () => void {
  let before = new Map<string, string>();
  const places = placesOf(surface);
  let down = new Set<number>();
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
    const pressed = new Set((pad?.buttons ?? []).flatMap((button, i) => (button.pressed ? [i] : [])));
    const isNew = (place: number | undefined): boolean => place !== undefined && pressed.has(place) && !down.has(place);
    if (isNew(START_BUTTON)) onStart();
    for (const { label, channel, options } of surface.choices) {
      if (!isNew(places.get(label))) continue;
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
