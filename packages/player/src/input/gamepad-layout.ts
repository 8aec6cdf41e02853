// Where the controls of a surface sit on a gamepad of the standard layout (https://www.w3.org/TR/gamepad/#remapping): one account for what is
// read and for what people are told.
import type { Axis } from "./axes.js";
import { type Button, type Choice, type Stick, type Surface, stickLabel } from "./surface.js";

/** What of a gamepad is looked at. */
export interface GamepadReading {
  readonly axes: readonly number[];
  readonly buttons: readonly { readonly value: number; readonly pressed: boolean }[];
}

/** A stick of the gamepad, or two of its buttons as one, with the axes of the world that it moves. */
export interface PadStick {
  readonly name: string;
  /** Where it is: -1 to 1, to the right and up. */
  readonly position: (reading: GamepadReading) => { readonly x: number; readonly y: number };
  readonly x?: Axis | undefined;
  readonly y?: Axis | undefined;
}

/** Everything of a surface that has a place on the gamepad. */
export interface GamepadLayout {
  readonly sticks: readonly PadStick[];
  /** The number of the gamepad's button that each button and choice has. */
  readonly places: ReadonlyMap<Button | Choice, number>;
}

const A = 0, B = 1, X = 2, Y = 3, LB = 4, RB = 5, LT = 6, RT = 7, BACK = 8, L3 = 10, R3 = 11, UP = 12, DOWN = 13, LEFT = 14, RIGHT = 15; // prettier-ignore
const BUTTON_NAMES: Readonly<Record<number, string>> = {
  ...{ [A]: "A", [B]: "B", [X]: "X", [Y]: "Y", [LB]: "LB", [RB]: "RB", [LT]: "LT", [RT]: "RT" },
  ...{ [BACK]: "Back", [L3]: "L3", [R3]: "R3" },
};
/** Buttons in the order in which controls get them. */
const BUTTONS = [RT, A, X, Y, B, RB, LB, LT, R3, L3, BACK] as const;
/** Where gamepads usually have what keyboards have on these keys: aiming and firing on the triggers, jumping on A. */
const USUAL: Readonly<Record<string, number>> = {
  ...{ "left click": RT, "right click": LT, Space: A, Ctrl: B, R: X, Shift: L3 },
};
/** Buttons that lie opposite each other, down or left first, in the order in which axes without a stick get them. Triggers push as far as pressed. */
const PAIRS = [
  [LT, RT],
  [LB, RB],
  [X, B],
  [A, Y],
] as const;

const pressed = ({ buttons }: GamepadReading, i: number): number => buttons[i]?.value ?? 0;
const between = (reading: GamepadReading, low: number, high: number): number =>
  pressed(reading, high) - pressed(reading, low);
const STICKS: readonly PadStick[] = [
  { name: "left stick", position: ({ axes }) => ({ x: axes[0] ?? 0, y: -(axes[1] ?? 0) }) },
  { name: "right stick", position: ({ axes }) => ({ x: axes[2] ?? 0, y: -(axes[3] ?? 0) }) },
  { name: "directional pad", position: (pad) => ({ x: between(pad, LEFT, RIGHT), y: between(pad, DOWN, UP) }) },
];

/**
 * Lays a surface onto a gamepad. Up to three sticks are the gamepad's own. Of more, those with two axes come first, and what is left is taken apart: each
 * axis gets a direction in which a stick does nothing, else two buttons. The other buttons are for buttons and choices; what comes too late has none.
 */
export function layoutOf({ sticks, buttons, choices }: Surface): GamepadLayout {
  const places = new Map<Button | Choice, number>();
  const free = new Set<number>(BUTTONS);
  const give = (control: Button | Choice, place: number | undefined): void => {
    if (place !== undefined && free.delete(place)) places.set(control, place);
  };
  for (const button of buttons) give(button, usualPlace(button, free));
  const padSticks = layOutSticks(sticks, free);
  for (const control of [...buttons, ...choices]) if (!places.has(control)) give(control, [...free][0]);
  return { sticks: padSticks, places };
}

const usualPlace = ({ keys }: Button, free: ReadonlySet<number>): number | undefined =>
  Object.entries(USUAL).find(([key, place]) => keys.includes(key) && free.has(place))?.[1];

/** Takes the buttons that axes need from those that are `free`. */
function layOutSticks(sticks: readonly Stick[], free: Set<number>): PadStick[] {
  const isWhole = ({ x, y }: Stick): boolean => x !== undefined && y !== undefined;
  const ordered =
    sticks.length <= STICKS.length ? sticks : sticks.toSorted((a, b) => Number(isWhole(b)) - Number(isWhole(a)));
  const own = STICKS.map((stick, i) => ({ ...stick, x: ordered[i]?.x, y: ordered[i]?.y }));
  const pairs: PadStick[] = [];
  const put = (axis: Axis | undefined, ways: readonly ("x" | "y")[]): void => {
    if (axis === undefined) return;
    for (const way of ways) {
      const open = own.find((stick) => stick[way] === undefined);
      if (open !== undefined) return void (open[way] = axis);
    }
    const pair = PAIRS.find((buttons) => buttons.every((button) => free.has(button)));
    pair?.forEach((button) => free.delete(button));
    if (pair !== undefined) pairs.push(pairStick(axis, pair));
  };
  for (const { x, y } of ordered.slice(STICKS.length)) {
    put(y, ["y", "x"]);
    put(x, ["x", "y"]);
  }
  return [...own, ...pairs].filter(({ x, y }) => x !== undefined || y !== undefined);
}

const pairStick = (axis: Axis, [low, high]: (typeof PAIRS)[number]): PadStick => ({
  name: `${BUTTON_NAMES[low] ?? ""}, ${BUTTON_NAMES[high] ?? ""}`,
  position: (reading) => ({ x: 0, y: between(reading, low, high) }),
  y: axis,
});

/** Which control of a surface sits where on the gamepad, for people. */
export function gamepadHints(surface: Surface): string[] {
  const { sticks, places } = layoutOf(surface);
  const buttons = [...surface.buttons, ...surface.choices].flatMap((control) => {
    const place = places.get(control);
    const next = control.kind === "choice" ? "next " : "";
    return place === undefined ? [] : [`${BUTTON_NAMES[place] ?? ""}: ${next}${control.label}`];
  });
  return [...sticks.map(({ name, x, y }) => `${name}: ${stickLabel(x, y)}`), ...buttons];
}
