// What is held, and taps that are shorter than a frame.
import { describe, expect, test } from "vitest";
import { createHeld } from "./held.js";
import type { Push } from "./row.js";

const push = (value: number): Push[] => [{ effect: { targets: [{ channel: 0, value }] }, strength: 1 }];

describe("while frames follow each other", () => {
  test("a tap counts until a frame was drawn that knew of it", () => {
    const held = createHeld(() => true);
    held.set("key", push(1));
    held.sent(7);
    held.set("key", []);
    expect(held.pushes()).toEqual(push(1));
    expect(held.seen(6)).toBe(false);
    expect(held.pushes()).toEqual(push(1));
    expect(held.seen(7)).toBe(true);
    expect(held.pushes()).toEqual([]);
  });

  test("a key that is held stays, whatever was seen", () => {
    const held = createHeld(() => true);
    held.set("key", push(1));
    held.sent(1);
    expect(held.seen(1)).toBe(false);
    expect(held.pushes()).toEqual(push(1));
  });

  test("a key pressed again before its tap was seen is held on", () => {
    const held = createHeld(() => true);
    held.set("key", push(1));
    held.sent(1);
    held.set("key", []);
    held.set("key", push(1));
    held.seen(1);
    expect(held.pushes()).toEqual(push(1));
  });

  test("a tap that no frame will answer any more is let go", () => {
    const held = createHeld(() => true);
    held.set("key", push(1));
    held.sent(1);
    held.set("key", []);
    expect(held.settle()).toBe(true);
    expect(held.pushes()).toEqual([]);
    expect(held.settle()).toBe(false);
  });

  test("a key that was let go long after it was seen is gone with the next frame", () => {
    const held = createHeld(() => true);
    held.set("key", push(1));
    held.sent(1);
    held.seen(1);
    held.set("key", []);
    expect(held.pushes()).toEqual([]);
  });
});

test("while nothing plays, letting go is letting go", () => {
  const held = createHeld(() => false);
  held.set("key", push(1));
  held.sent(1);
  held.set("key", []);
  expect(held.pushes()).toEqual([]);
});

test("sources push together and apart", () => {
  const held = createHeld(() => false);
  held.set("a", push(1));
  held.set("b", push(2));
  held.set("a", []);
  expect(held.pushes()).toEqual(push(2));
  held.clear();
  expect(held.pushes()).toEqual([]);
});
