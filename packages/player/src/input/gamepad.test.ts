// The gamepad on a world's controls.
import { expect, test, vi } from "vitest";
import type { Channel } from "../protocol.js";
import { deflection, listenToGamepad, pushesOf } from "./gamepad.js";
import { type GamepadReading, gamepadHints, layoutOf } from "./gamepad-layout.js";
import { csgoChannels } from "../../../world/src/data/csgo/csgo-actions.js";
import { reconChannels } from "../../../world/src/data/recon/recon-channels.js";
import { rt1Channels } from "../../../world/src/data/rt1/rt1-channels.js";
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
  rowOf(channels, [...pushesOf(layoutOf(surface), reading(axes, pressed)).values()].flat());

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
  expect(rowOf(channels, [...pushesOf(layoutOf(surface), { axes: [], buttons: [] }).values()].flat())).toEqual([
    0, 0, 0, 0, 0,
  ]);
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

test("RECON's robot drives on the left stick and steps aside on the right one", () => {
  expect(gamepadHints(surfaceOf(reconChannels()))).toEqual(["left stick: forward, turn", "right stick: left"]);
});

test("RT-1's sticks with two axes are sticks, its other axes pairs of buttons", () => {
  expect(gamepadHints(surfaceOf(rt1Channels()))).toEqual([
    ...["left stick: world vector", "right stick: rotation", "directional pad: base displacement"],
    ...["LT, RT: gripper closes", "LB, RB: rotation z", "X, B: world vector z", "A, Y: base rotation"],
    ...["R3: terminate episode 0", "L3: terminate episode 1", "Back: terminate episode 2"],
  ]);
});

/** Every single thing that can be done to a standard gamepad. */
const everything = [0, 1, 2, 3]
  .flatMap((axis) => [-1, 1].map((value) => reading([0, 0, 0, 0].with(axis, value))))
  .concat(Array.from({ length: 16 }, (_, button) => reading([0, 0, 0, 0], { [button]: 1 })));

test.each([
  ["RT-1", rt1Channels()],
  ["RECON", reconChannels()],
  ["an arm with eight joints", Array.from({ length: 8 }, (_, i): Channel => ({ name: `joint${i}`, kind: "continuous", range: [-1, 1], rest: 0, keys: {} }))], // prettier-ignore
])("every axis of %s is reached both ways, each by something of its own", (_, world) => {
  const layout = layoutOf(surfaceOf(world));
  const rest = rowOf(world, []);
  const moved = everything.flatMap((one) => {
    const row = rowOf(world, [...pushesOf(layout, one).values()].flat());
    return [row.flatMap((value, i) => (value === rest[i] ? [] : [`${i} ${value > (rest[i] ?? 0) ? "up" : "down"}`]))];
  });
  const reached = moved.flat();
  expect(moved.every((some) => some.length <= 1)).toBe(true);
  expect(new Set(reached).size).toBe(reached.length);
  const wanted = world.flatMap((channel, i) => {
    if (channel.kind !== "continuous" || channel.range[0] === channel.rest) return [`${i} up`];
    return [`${i} up`, `${i} down`];
  });
  expect(reached.toSorted()).toEqual(wanted.toSorted());
});

test("a trigger closes RT-1's gripper as far as it is pressed, the other opens it", () => {
  const [world, layout] = [rt1Channels(), layoutOf(surfaceOf(rt1Channels()))];
  const gripperAt = (pressed: Record<number, number>): number =>
    rowOf(world, [...pushesOf(layout, reading([0, 0, 0, 0], pressed)).values()].flat())[3] ?? NaN;
  expect([{ 7: 1 }, { 6: 1 }, { 7: 0.575 }, { 6: 1, 7: 1 }].map(gripperAt)).toEqual([1, -1, 0.5, 0]);
});

test("buttons that games have in a usual place keep it, and axes without a stick get others", () => {
  const world: Channel[] = [
    ...["a", "b", "c", "d", "e", "f", "g"].map((name): Channel => ({ name, kind: "continuous", range: [-1, 1], rest: 0, keys: {} })), // prettier-ignore
    { name: "fire", kind: "binary", keys: { MouseLeft: 1 } },
    { name: "use", kind: "binary", keys: { KeyE: 1 } },
  ];
  expect(gamepadHints(surfaceOf(world))).toEqual([
    ...["left stick: a, d", "right stick: b, e", "directional pad: c, f", "LB, RB: g", "RT: fire", "A: use"],
  ]);
});

test("a browser that tells of no gamepads is no error", () => {
  vi.useFakeTimers();
  vi.stubGlobal("window", new EventTarget());
  const around = { channels: () => channels, isLive: () => true, frameTime: () => 100 };
  const pilot = createPilot({ ...around, tell: () => undefined, onPress: () => undefined });
  const refuses = (): never => {
    throw new DOMException("gamepads are not allowed here", "SecurityError");
  };
  for (const navigator of [{}, { getGamepads: refuses }]) {
    vi.stubGlobal("navigator", navigator);
    listenToGamepad(pilot, surface, () => undefined)();
  }
  vi.unstubAllGlobals();
  vi.useRealTimers();
  expect(pilot.row.value).toEqual([]);
});

test("a stick that stays pushed while another window is used goes on afterwards", () => {
  vi.useFakeTimers();
  vi.stubGlobal("window", new EventTarget());
  vi.stubGlobal("navigator", { getGamepads: () => [{ connected: true, ...reading([0, -1, 0, 0]) }] });
  const around = { channels: () => channels, isLive: () => true, frameTime: () => 100 };
  const pilot = createPilot({ ...around, tell: () => undefined, onPress: () => undefined });
  const stop = listenToGamepad(pilot, surface, () => undefined);
  pilot.release();
  const released = pilot.row.value[0];
  vi.advanceTimersByTime(50);
  stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  expect([released, pilot.row.value[0]]).toEqual([0, 1]);
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
