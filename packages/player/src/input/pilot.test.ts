// What a pilot tells the server: every change once, and nothing stays pressed.
import { expect, test } from "vitest";
import type { Channel, PlayStatement } from "../protocol.js";
import { type Pilot, createPilot } from "./pilot.js";
import { effectOfKey } from "./row.js";

const channels: Channel[] = [
  { name: "forward", kind: "continuous", range: [-1, 1], rest: 0, keys: { KeyW: 1, ArrowUp: 1, KeyS: -1 } },
  { name: "turn", kind: "continuous", range: [-1, 1], rest: 0, keys: { MouseX: 0.01 } },
];

interface Flight {
  readonly pilot: Pilot;
  /** Values of `forward` that were told, in order. */
  readonly told: PlayStatement[];
  readonly down: (code: string) => void;
  readonly up: (code: string) => void;
  /** A frame that knew of everything told so far. */
  readonly frame: () => void;
}

function fly(): Flight {
  const told: PlayStatement[] = [];
  const pilot = createPilot({
    channels: () => channels,
    isLive: () => true,
    frameTime: () => 100,
    tell: (message) => void told.push(message),
    onPress: () => undefined,
  });
  const push = (code: string, strength: number): void =>
    pilot.push(`key ${code}`, strength === 0 ? [] : [{ effect: effectOfKey(channels, code), strength }]);
  const frame = (): void => {
    const last = told.findLast((message) => message.type === "action");
    if (last?.type === "action") pilot.seen(last.sequence);
  };
  return { pilot, told, down: (code) => push(code, 1), up: (code) => push(code, 0), frame };
}

test("a second key for what is held already does not keep it held", () => {
  const { pilot, told, down, up, frame } = fly();
  down("KeyW");
  frame();
  down("ArrowUp");
  up("ArrowUp");
  frame();
  up("KeyW");
  expect(pilot.row.value).toEqual([0, 0]);
  expect(told.at(-1)).toMatchObject({ type: "action", action: {} });
  expect(told).toHaveLength(2);
});

test("a tap between two frames is held until a frame knew of it", () => {
  const { pilot, down, up, frame } = fly();
  down("KeyS");
  up("KeyS");
  expect(pilot.row.value).toEqual([-1, 0]);
  frame();
  expect(pilot.row.value).toEqual([0, 0]);
});

test("the first movement of the mouse is told at once", () => {
  const { pilot, told } = fly();
  pilot.move(10, 0, performance.now());
  expect(told.at(-1)).toMatchObject({ action: { turn: expect.closeTo(0.1) as number } });
  pilot.release(); // ends its timer
});

test("a tap that was not answered when playing stopped is let go", () => {
  const { pilot, down, up } = fly();
  down("KeyS");
  up("KeyS");
  pilot.stopped();
  expect(pilot.row.value).toEqual([0, 0]);
});
