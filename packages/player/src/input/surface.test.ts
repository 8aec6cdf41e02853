// The controls of the worlds that there are: what becomes a stick, what a button, and which way they point.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { channelsSchema } from "../../../world/src/data/action-space.js";
import { csgoChannels } from "../../../world/src/data/csgo/csgo-actions.js";
import { reconChannels } from "../../../world/src/data/recon/recon-channels.js";
import { rt1Channels } from "../../../world/src/data/rt1/rt1-channels.js";
import type { Channel } from "../protocol.js";
import { type Effect, rowOf, strengthIn } from "./row.js";
import { type Stick, type Surface, surfaceOf } from "./surface.js";

const doomFile = new URL("../../../../worlds/doom/world.json", import.meta.url);
const doom = channelsSchema.parse((JSON.parse(readFileSync(doomFile, "utf8")) as { channels: unknown }).channels);

/** The channels that an effect moves, with their values. */
function pushed(channels: readonly Channel[], effect: Effect | undefined): Record<string, number> {
  if (effect === undefined) return {};
  const [rest, row] = [rowOf(channels, []), rowOf(channels, [{ effect, strength: 1 }])];
  const changed = channels.flatMap(({ name }, i) => (row[i] === rest[i] ? [] : [[name, row[i] ?? NaN] as const]));
  return Object.fromEntries(changed);
}

const stickNamed = ({ sticks }: Surface, label: RegExp): Stick | undefined =>
  sticks.find((stick) => label.test(stick.label));

describe("the built-in world", () => {
  const surface = surfaceOf(doom);

  test("has a stick to walk, one to turn, and three buttons", () => {
    expect(surface.sticks.map(({ label }) => label)).toEqual(["forward, strafe", "turn"]);
    expect(surface.buttons.map(({ label }) => label)).toEqual(["fire", "use", "weapon"]);
    expect(surface.choices).toEqual([]);
  });

  test("goes where the stick points", () => {
    const [walk, turn] = surface.sticks;
    expect(pushed(doom, walk?.y?.high)).toEqual({ forward: 1 });
    expect(pushed(doom, walk?.x?.high)).toEqual({ strafe: 0.8 });
    expect(pushed(doom, turn?.x?.high)).toEqual({ turn: -0.4 });
    expect(walk?.x?.keys).toEqual([["A"], ["D"]]);
  });
});

describe("CS:GO", () => {
  const channels = csgoChannels();
  const surface = surfaceOf(channels);

  test("has a stick of WASD, one for the mouse, and a button for every other key", () => {
    expect(surface.sticks).toHaveLength(2);
    expect(pushed(channels, surface.sticks[0]?.y?.high)).toEqual({ keyW: 1 });
    expect(pushed(channels, surface.sticks[0]?.x?.low)).toEqual({ keyA: 1 });
    expect(surface.buttons.map(({ keys }) => keys[0])).toEqual([
      ...["Space", "Ctrl", "Shift", "1", "2", "3", "R", "left click", "right click"],
    ]);
  });

  test("looks to the right and up where the second stick points, in the published bins", () => {
    const look = surface.sticks[1];
    expect(pushed(channels, look?.x?.high)).toEqual({ mouseX0: 0, mouseX300: 1 });
    expect(pushed(channels, look?.y?.high)).toEqual({ mouseY0: 0, mouseYMinus100: 1 });
  });

  test("calls controls that are named after their keys as those keys", () => {
    expect(surface.sticks[0]?.label).toBe("WASD");
    expect(surface.buttons.map(({ label, keys }) => label === keys[0])).not.toContain(false);
  });

  test("shows the bin of a frame on the stick", () => {
    const look = surface.sticks[1]?.x;
    const row = rowOf(channels, [], { x: -300, y: 0 });
    expect(strengthIn(channels, look?.low ?? { targets: [] }, row)).toBe(1);
    expect(strengthIn(channels, look?.high ?? { targets: [] }, row)).toBe(0);
  });

  test("a stick pushed half way moves by a quarter, and is shown half way", () => {
    const right = surface.sticks[1]?.x?.high ?? { targets: [] };
    const row = rowOf(channels, [{ effect: right, strength: Math.sqrt(20 / 300) }]);
    expect(row).toEqual(rowOf(channels, [], { x: 20, y: 0 }));
    expect(strengthIn(channels, right, row)).toBeCloseTo(Math.sqrt(20 / 300));
  });

  test("calls its second stick after what it is, with the arrow keys on it", () => {
    expect(surface.sticks[1]).toMatchObject({
      label: "mouse",
      x: { keys: [["←"], ["→"]] },
      y: { keys: [["↓"], ["↑"]] },
    });
  });
});

test("RECON's robot drives and turns on one stick, and steps aside on another", () => {
  const channels = reconChannels();
  const surface = surfaceOf(channels);
  const drive = stickNamed(surface, /forward/);
  expect(pushed(channels, drive?.x?.low)).toEqual({ turn: 0.25 });
  expect(pushed(channels, drive?.y?.high)["forward"]).toBeCloseTo(-0.0667, 3);
  expect(pushed(channels, stickNamed(surface, /^left$/)?.x?.low)).toEqual({ left: 1 });
  const still = rowOf(channels, []).map(Math.fround); // as frames carry it
  expect(strengthIn(channels, drive?.y?.high ?? { targets: [] }, still)).toBe(0);
});

test("RT-1's arm moves and turns on sticks, its gripper opens and closes, and episodes end by buttons", () => {
  const channels = rt1Channels();
  const surface = surfaceOf(channels);
  expect(pushed(channels, surface.sticks[0]?.y?.high)).toEqual({ worldVectorX: 0.1 });
  expect(pushed(channels, surface.sticks[0]?.x?.low)).toEqual({ worldVectorY: 0.1 });
  expect(stickNamed(surface, /^rotation$/)).toMatchObject({ x: { label: "rotation x" }, y: { label: "rotation y" } });
  expect(pushed(channels, stickNamed(surface, /gripper/)?.y?.low)).toEqual({ gripperCloses: -1 });
  expect(surface.buttons).toHaveLength(3);
  expect(surface.sticks.map(({ label }) => label)).toEqual([
    ...["world vector", "rotation", "gripper closes", "rotation z", "world vector z"], // with keys
    ...["base displacement", "base rotation"],
  ]);
});

test("every channel of every world is reached by some control, and in both directions where it has two", () => {
  for (const channels of [doom, csgoChannels(), reconChannels(), rt1Channels()]) {
    const { sticks, buttons } = surfaceOf(channels);
    const axes = sticks.flatMap(({ x, y }) => [x, y]).flatMap((axis) => [axis?.low, axis?.high]);
    const reached = new Set([...axes, ...buttons.map(({ effect }) => effect)].flatMap((effect) => Object.keys(pushed(channels, effect)))); // prettier-ignore
    const named = channels.map(({ name }) => name).filter((name) => !/^mouse[XY]/.test(name));
    expect(named.filter((name) => !reached.has(name))).toEqual([]);
  }
});

test("a channel of options is a choice", () => {
  const weapon: Channel = {
    name: "weapon",
    kind: "choice",
    options: ["fists", "shotgun"],
    keys: { Digit1: 0, Digit2: 1 },
  };
  expect(surfaceOf([weapon]).choices).toEqual([
    { kind: "choice", label: "weapon", channel: 0, options: ["fists", "shotgun"], keys: [["1"], ["2"]] },
  ]);
});
