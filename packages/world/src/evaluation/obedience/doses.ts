// The constant actions under which a channel is tried: nothing, half of what a key does and all of it, in both directions.
import { encodeActions, restRow } from "../../data/action-space.js";
import type { Channel } from "../../data/action-space.js";
import type { ScalarChannel } from "./channel-effects.js";

/** One constant action. */
export interface Dose {
  /** -1, -0.5, 0.5 or 1: share of the channel's full dose. */
  readonly dose: number;
  /** How far the channel is from rest. */
  readonly value: number;
  /** Network inputs of the whole row. */
  readonly action_A: readonly number[];
}

/**
 * The doses of a channel. Full is the strongest key of either direction; half of its range where a channel has no keys. A channel that is
 * on or off has one dose; one whose rest is an end of its range has one direction.
 */
export function dosesOf(channels: readonly Channel[], { channel }: ScalarChannel): Dose[] {
  const index = channels.indexOf(channel);
  const rest = restRow(channels);
  const at = (dose: number, value: number): Dose => {
    const row = rest.map((resting, i) => (i === index ? resting + value : resting));
    return { dose, value, action_A: [...encodeActions(channels, [row])] };
  };
  if (channel.kind === "binary") return [at(1, 1)];
  const resting = channel.rest;
  const keyed = Object.entries(channel.keys)
    .filter(([key]) => !/^Mouse[XY]$/.test(key))
    .map(([, value]) => value - resting);
  const [low, high] = channel.range;
  const strongest = (sign: 1 | -1): number => {
    const end = sign === 1 ? high - resting : resting - low;
    const ofKeys = Math.max(0, ...keyed.map((value) => value * sign));
    return ofKeys > 0 ? Math.min(ofKeys, end) : end / 2;
  };
  return ([-1, 1] as const).flatMap((sign) => {
    const full = strongest(sign);
    return full === 0 ? [] : [at(sign / 2, (sign * full) / 2), at(sign, sign * full)];
  });
}
