// The gamepad on a world's controls.
import { expect, test, vi } from "vitest";
import type { Channel } from "../protocol.js";
import { type GamepadReading, deflection, gamepadHints, listenToGamepad, pushesOf } from "./gamepad.js";
import { csgoChannels } from "../../../world/src/data/csgo/csgo-actions.js";
import { createPilot } from "./pilot.js";
import { rowOf } from "./row.js";
import { surfaceOf } from "./surface.js";

const channels: Channel[] = [
  { name: "forward", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyW: 1, KeyS: -1 } },
  { name: "strafe", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyA: -0.8, KeyD: 0.8 } },
  { name: "turn", kind: "continuous", range: [-1, 1], rest: 0, keys: { ArrowLeft: 0.4, ArrowRight: -0.4 } },
  { name: "fire", kind: "binary", keys: { Space: 1, MouseLeft: 1 } },
  { name: "use", kind: "binary", keys: { KeyE: 1 } },
];
const surface = surfaceOf(channels);

function reading(axes: number[], pressed: Record<number, number> = {}): GamepadReading {
  const buttons = Array.from({ length: 16 }, (_, i) => ({ value: pressed[i] ?? 0, pressed: (pressed[i] ?? 0) > 0.5 }));
  return { axes, buttons };
}
const rowAt = (...[axes, pressed]: Parameters<typeof reading>): number[] =>
  rowOf(channels, [...pushesOf(surface, reading(axes, pressed)).values()].flat());

test("the left stick walks, the right one turns, the trigger fires, A uses", () => {
  expect(rowAt([0, -1, 0, 0])).toEqual([1, 0, 0, 0, 0]);
  expect(rowAt([-1, 0, 1, 0])).toEqual([0, -0.8, -0.4, 0, 0]);
  expect(rowAt([0, 0, 0, 0], { 7: 1 })).toEqual([0, 0, 0, 1, 0]);
  expect(rowAt([0, 0, 0, 0], { 0: 1 })).toEqual([0, 0, 0, 0, 1]);
});

test("a stick near its middle is at rest, and half way is half way", () => {
  expect(rowAt([0.1, -0.12, 0, 0])).toEqual([0, 0, 0, 0, 0]);
  expect(deflection(0.15 + 0.425)).toBe(0.5);
  expect(deflection(-1.2)).toBe(-1);
});

test("a gamepad with fewer axes and buttons than usual is no error", () => {
  expect(rowOf(channels, [...pushesOf(surface, { axes: [], buttons: [] }).values()].flat())).toEqual([0, 0, 0, 0, 0]);
});

test("people are told what is where", () => {
  expect(gamepadHints(surface)).toEqual(["left stick: forward, strafe", "right stick: turn", "RT: fire", "A: use"]);
});

test("CS:GO fires and aims by the triggers and jumps by A, as games on gamepads do", () => {
  expect(gamepadHints(surfaceOf(csgoChannels()))).toEqual([
    ...["left stick: WASD", "right stick: mouse", "A: Space", "B: Ctrl", "L3: Shift", "Y: 1", "RB: 2", "LB: 3"],
    ...["X: R", "RT: left click", "LT: right click"],
  ]);
});

test("a choice has the next free button, and each press of it takes the next option", () => {
  const weapon: Channel = { name: "weapon", kind: "choice", options: ["none", "bow", "axe"], keys: {} };
  const world = [...channels, weapon];
  expect(gamepadHints(surfaceOf(world)).at(-1)).toBe("X: next weapon");

  vi.useFakeTimers();
  vi.stubGlobal("window", new EventTarget());
  let pressed = {};
  vi.stubGlobal("navigator", { getGamepads: () => [{ connected: true, ...reading([0, 0, 0, 0], pressed) }] });
  const around = { channels: () => world, isLive: () => true, frameTime: () => 100 };
  const pilot = createPilot({ ...around, tell: () => undefined, onPress: () => undefined });
  const stop = listenToGamepad(pilot, surfaceOf(world), () => undefined);
  const chosen = [true, true, false, true, false, true].map((isDown) => {
    pressed = isDown ? { 2: 1 } : {};
    vi.advanceTimersByTime(50);
    return pilot.row.value[5];
  });
  stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  expect(chosen).toEqual([1, 1, 1, 2, 2, 0]);
});
