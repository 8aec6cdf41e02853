// The constant actions that a world is tried with: what a player would hold down, found by the keys of its action space.
// A: network inputs per frame.

import { type Channel, encodeActions, restRow, rowOfKeys } from "../../data/action-space.js";
import type { Turns } from "./turns.js";

/** One constant action. */
export interface ProbeAction {
  readonly label: string;
  /** A numbers, as the network sees them. */
  readonly action_A: readonly number[];
}

/** What people expect of keys, in order of preference. Arrows come first for turning: with A and D games often sidestep. */
const customs: ReadonlyArray<readonly [label: string, keys: readonly string[]]> = [
  ["forward", ["KeyW", "ArrowUp"]],
  ["back", ["KeyS", "ArrowDown"]],
  ["turn left", ["ArrowLeft", "KeyA"]],
  ["turn right", ["ArrowRight", "KeyD"]],
];

/**
 * Up to `count` different actions: forward, back, left and right as far as keys are bound to them, nothing, then whatever
 * else has a key. Labels of the latter are channel names.
 */
export function probeActions(channels: readonly Channel[], count = 5): ProbeAction[] {
  const candidates: ReadonlyArray<readonly [string, readonly number[]]> = [
    ...customs.flatMap(([label, keys]) => {
      const row = rowOf(channels, keys);
      return row === undefined ? [] : [[label, row] as const];
    }),
    ["nothing", restRow(channels)],
    ...channels.flatMap((channel) =>
      Object.keys(channel.keys)
        .filter((key) => !/^Mouse[XY]$/.test(key))
        .map((key) => [`${channel.name} (${key})`, rowOfKeys(channels, new Set([key]))] as const),
    ),
  ];
  const distinct = new Map<string, ProbeAction>();
  for (const [label, row] of candidates) {
    const id = row.join();
    if (!distinct.has(id)) distinct.set(id, { label, action_A: [...encodeActions(channels, [row])] });
  }
  return [...distinct.values()].slice(0, count);
}

/** The actions of the keys for turning left and right; undefined if a world has none. */
export function turnActions(channels: readonly Channel[]): Turns | undefined {
  const [left, right] = [rowOf(channels, ["ArrowLeft", "KeyA"]), rowOf(channels, ["ArrowRight", "KeyD"])];
  if (left === undefined || right === undefined) return undefined;
  return { left: [...encodeActions(channels, [left])], right: [...encodeActions(channels, [right])] };
}

/** The row of the first of these keys that does anything. */
function rowOf(channels: readonly Channel[], keys: readonly string[]): number[] | undefined {
  const rest = restRow(channels).join();
  return keys.map((key) => rowOfKeys(channels, new Set([key]))).find((row) => row.join() !== rest);
}
