// From what is held to one value per channel: the world's own rule for keys, and what the player adds to it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowOfKeys, rowProblem } from "../../../world/src/data/action-space.js";
import { csgoAction, csgoChannels } from "../../../world/src/data/csgo/csgo-actions.js";
import { reconChannels } from "../../../world/src/data/recon/recon-channels.js";
import { rt1Channels } from "../../../world/src/data/rt1/rt1-channels.js";
import type { Channel } from "../protocol.js";
import { type Push, actionOf, effectOfKey, keysOf, rowOf } from "./row.js";

const walker: Channel[] = [
  { name: "forward", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyW: 1, ArrowUp: 1, KeyS: -1 } },
  { name: "turn", kind: "continuous", range: [-1, 1], rest: 0, keys: { ArrowLeft: 0.4, MouseX: -0.01 } },
  { name: "use", kind: "binary", keys: { KeyE: 1 } },
  { name: "weapon", kind: "choice", options: ["one", "two", "three"], keys: { Digit2: 1, Digit3: 2 } },
];
const worlds = [walker, reconChannels(), rt1Channels(), csgoChannels().slice(0, 13)];

const hold = (channels: readonly Channel[], ...codes: string[]): Push[] =>
  codes.map((code) => ({ effect: effectOfKey(channels, code), strength: 1 }));

test("keys make the row that the world's own rule makes of them", () => {
  const held = fc.constantFrom(...worlds).chain((channels) => {
    const codes = [...keysOf(channels)];
    return fc.tuple(fc.constant(channels), fc.subarray(codes));
  });
  fc.assert(
    fc.property(held, ([channels, codes]) => {
      // Of several options the player takes the newest, the rule of files the last listed: one at a time is the same.
      const single = codes.filter((code) => !code.startsWith("Digit") || channels !== walker || code === "Digit3");
      const row = rowOf(channels, hold(channels, ...single));
      const expected = rowOfKeys(channels, new Set(single));
      row.forEach((value, i) => expect(value).toBeCloseTo(expected[i] ?? NaN, 12));
    }),
  );
});

test("whatever is pushed and moved, the row is one that the world takes", () => {
  const pushes = fc.constantFrom(...worlds, csgoChannels()).chain((channels) => {
    const push = fc.record({
      code: fc.constantFrom(...keysOf(channels)),
      strength: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const move = fc.record({ x: fc.integer({ min: -3000, max: 3000 }), y: fc.integer({ min: -3000, max: 3000 }) });
    return fc.tuple(fc.constant(channels), fc.array(push, { maxLength: 6 }), move);
  });
  fc.assert(
    fc.property(pushes, ([channels, pushed, movement]) => {
      const held = pushed.map(({ code, strength }) => ({ effect: effectOfKey(channels, code), strength }));
      expect(rowProblem(channels, rowOf(channels, held, movement))).toBeUndefined();
    }),
  );
});

describe("CS:GO's mouse", () => {
  const channels = csgoChannels();

  test.each([
    [0, 0, 0, 0],
    [13, -6, 10, -4],
    [-260, 40, -300, 50],
    [5000, -5000, 1000, -200],
  ])("moved by %i, %i falls into the bins %i, %i", (x, y, mouseX, mouseY) => {
    expect(Float32Array.from(rowOf(channels, [], { x, y }))).toEqual(csgoAction({ mouseX, mouseY }));
  });

  test("goes with the arrow keys, which stand for published steps", () => {
    const row = rowOf(channels, hold(channels, "ArrowLeft", "KeyW"), { x: -40, y: 0 });
    expect(Float32Array.from(row)).toEqual(csgoAction({ keys: ["w"], mouseX: -100 }));
  });

  test("stays still where opposite arrows are held", () => {
    const row = rowOf(channels, hold(channels, "ArrowLeft", "ArrowRight"));
    expect(Float32Array.from(row)).toEqual(csgoAction());
  });
});

test("half a push is half the way, and a button half pushed is pressed", () => {
  const half = (code: string): Push => ({ effect: effectOfKey(walker, code), strength: 0.5 });
  expect(rowOf(walker, [half("KeyS"), half("KeyE")])).toEqual([-0.5, 0, 1, 0]);
});

test("a slider takes the place of rest, and keys push from there", () => {
  expect(rowOf(walker, hold(walker, "ArrowLeft"), undefined, new Map([[1, 0.25]]))[1]).toBeCloseTo(0.65);
  expect(rowOf(walker, [], undefined, new Map([[3, 2]]))[3]).toBe(2);
});

test("an action leaves out what is at rest", () => {
  expect(actionOf(walker, [0, -0.4, 0, 1])).toEqual({ turn: -0.4, weapon: 1 });
  const [forward] = reconChannels();
  expect(forward && actionOf([forward], rowOf([forward], []))).toEqual({});
});
