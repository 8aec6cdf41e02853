// What a CS:GO player can do, as the 51 numbers of a row: 11 keys, 2 clicks, one of 23 mouse-x steps, one of 15 mouse-y steps.
import { invalid } from "@vid2world/formats";
import type { Channel } from "../action-space.js";

/** Keys in the order of a row, by their names in the data. */
export const CSGO_KEYS = ["w", "a", "s", "d", "space", "ctrl", "shift", "1", "2", "3", "r"] as const;

/** Horizontal mouse movements in pixels; positive is to the right. */
export const CSGO_MOUSE_X = [
  -1000, -500, -300, -200, -100, -60, -30, -20, -10, -4, -2, 0, 2, 4, 10, 20, 30, 60, 100, 200, 300, 500, 1000,
] as const;

/** Vertical mouse movements in pixels; positive is down. */
export const CSGO_MOUSE_Y = [-200, -100, -50, -20, -10, -4, -2, 0, 2, 4, 10, 20, 50, 100, 200] as const;

/** Numbers of a CS:GO action. */
export const CSGO_ACTION_DIM = CSGO_KEYS.length + 2 + CSGO_MOUSE_X.length + CSGO_MOUSE_Y.length;

/** A key in the data. */
export type CsgoKey = (typeof CSGO_KEYS)[number];

/** What is pressed and how the mouse moves. */
export interface CsgoInput {
  readonly keys?: readonly CsgoKey[];
  readonly leftClick?: boolean;
  readonly rightClick?: boolean;
  /** Pixels: one of {@link CSGO_MOUSE_X}; default 0. */
  readonly mouseX?: number;
  /** Pixels: one of {@link CSGO_MOUSE_Y}; default 0. */
  readonly mouseY?: number;
}

/** The row of 51 numbers of an input. */
export function csgoAction({ keys = [], leftClick, rightClick, mouseX = 0, mouseY = 0 }: CsgoInput = {}): Float32Array {
  const action = new Float32Array(CSGO_ACTION_DIM);
  for (const key of keys) {
    const place = CSGO_KEYS.indexOf(key);
    if (place < 0) throw invalid("keys", CSGO_KEYS.join(", "), key);
    action[place] = 1;
  }
  const clicks = CSGO_KEYS.length;
  if (leftClick === true) action[clicks] = 1;
  if (rightClick === true) action[clicks + 1] = 1;
  const [x, y] = [CSGO_MOUSE_X.findIndex((step) => step === mouseX), CSGO_MOUSE_Y.findIndex((step) => step === mouseY)];
  if (x < 0) throw invalid("mouseX", CSGO_MOUSE_X.join(", "), mouseX);
  if (y < 0) throw invalid("mouseY", CSGO_MOUSE_Y.join(", "), mouseY);
  action[clicks + 2 + x] = 1;
  action[clicks + 2 + CSGO_MOUSE_X.length + y] = 1;
  return action;
}

/** No key, no click, the mouse still: what still images are continued with. */
export function csgoStillAction(): Float32Array {
  return csgoAction();
}

const KEY_CODES: Record<CsgoKey, string> = {
  ...{ w: "KeyW", a: "KeyA", s: "KeyS", d: "KeyD", space: "Space", ctrl: "ControlLeft", shift: "ShiftLeft" },
  ...{ "1": "Digit1", "2": "Digit2", "3": "Digit3", r: "KeyR" },
};

/** Which mouse steps the arrow keys stand for in live play. */
const ARROWS = { x: { ArrowLeft: -60, ArrowRight: 60 }, y: { ArrowUp: -50, ArrowDown: 50 } } as const;

/** The 51 numbers as channels of an action space; at rest they are {@link csgoStillAction}. */
export function csgoChannels(): Channel[] {
  const button = (name: string, code: string): Channel => ({ name, kind: "binary", keys: { [code]: 1 } });
  return [
    ...CSGO_KEYS.map((key) => button(`key${key[0]?.toUpperCase()}${key.slice(1)}`, KEY_CODES[key])),
    ...[button("leftClick", "MouseLeft"), button("rightClick", "MouseRight")],
    ...mouseChannels("mouseX", CSGO_MOUSE_X, ARROWS.x),
    ...mouseChannels("mouseY", CSGO_MOUSE_Y, ARROWS.y),
  ];
}

/** One channel per step. The step 0 is on while nothing moves, which only a continuous channel can say. */
function mouseChannels(name: string, steps: readonly number[], arrows: Readonly<Record<string, number>>): Channel[] {
  return steps.map((step): Channel => {
    const codes = Object.entries(arrows).filter(([, pixels]) => pixels === step || step === 0);
    return {
      name: `${name}${step < 0 ? `Minus${-step}` : step}`,
      kind: "continuous",
      range: [0, 1],
      unit: `a movement by ${step} pixels`,
      rest: step === 0 ? 1 : 0,
      keys: Object.fromEntries(codes.map(([code]) => [code, step === 0 ? 0 : 1])),
    };
  });
}
