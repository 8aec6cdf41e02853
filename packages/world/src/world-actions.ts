// Actions as people and programs give them, turned into the numbers that the network sees.

import { invalid } from "@vid2world/formats";
import { type Channel, encodeActions, rowByName } from "./data/action-space.js";

/**
 * One action: a value per channel by name (those left out are at rest), a value per channel in order, or as a Float32Array the numbers
 * that the network sees (choices as one of several).
 */
export type WorldAction = Readonly<Record<string, number>> | readonly number[] | Float32Array;

/** The network's numbers for an action. `width` is how many; `channels` are absent in a world whose channels have no names. */
export function actionVector(action: WorldAction, width: number, channels?: readonly Channel[]): Float32Array {
  if (action instanceof Float32Array) return checked(action, width);
  const row = actionRow(action, width, channels);
  return channels ? encodeActions(channels, [row]) : checked(Float32Array.from(row), width);
}

/** An action as a row, one value per channel; `width` is the number of values in a world whose channels have no names. */
export function actionRow(
  action: Readonly<Record<string, number>> | readonly number[],
  width: number,
  channels?: readonly Channel[],
): readonly number[] {
  if (isRow(action)) return action;
  return channels ? rowOf(action, channels) : [...atRest(action, width)];
}

function isRow(action: Readonly<Record<string, number>> | readonly number[]): action is readonly number[] {
  return Array.isArray(action);
}

function rowOf(action: Readonly<Record<string, number>>, channels: readonly Channel[]): number[] {
  const found = rowByName(channels, action);
  if (found.unknown === undefined) return found.row;
  throw invalid("action", `channels of this world (${channels.map(({ name }) => name).join(", ")})`, found.unknown);
}

function atRest(action: Readonly<Record<string, number>>, width: number): Float32Array {
  const named = Object.keys(action)[0];
  if (named !== undefined)
    throw invalid("action", `an array of ${width} numbers, as this world's channels have no names`, action);
  return new Float32Array(width);
}

function checked(vector: Float32Array, width: number): Float32Array {
  if (vector.length !== width || !vector.every(Number.isFinite))
    throw invalid("action", `${width} finite numbers`, [...vector]);
  return vector;
}
