// Two opposite directions each: what a continuous channel, a pair of keys or a movement in bins is to whoever holds a stick.
import { type Bins, type Channel, findBins, keyLabelsOf, labelOf, rangeOf, readable, restOf } from "./channels.js";
import { keyLabel } from "./key-label.js";
import { type Effect, type Target, effectOfKey } from "./row.js";

/** Two opposite directions. */
export interface Axis {
  readonly label: string;
  /** To the left, or down. */
  readonly low: Effect;
  /** To the right, or up. */
  readonly high: Effect;
  /** Keys for low and for high, for people: the usual one first. */
  readonly keys: readonly [readonly string[], readonly string[]];
}

/** An axis with its place among sticks: those of one family share one, one of them across the screen, one up. */
export interface PlacedAxis extends Axis {
  readonly across: boolean;
  readonly family: string;
}

type Way = { readonly across: boolean; readonly sign: 1 | -1; readonly family: string };

/** Which way the usual keys point: across the screen or up, and whether to the right (up) or to the left (down). */
const WAYS: Readonly<Record<string, Way>> = {
  KeyA: { across: true, sign: -1, family: "letters" },
  KeyD: { across: true, sign: 1, family: "letters" },
  KeyW: { across: false, sign: 1, family: "letters" },
  KeyS: { across: false, sign: -1, family: "letters" },
  ArrowLeft: { across: true, sign: -1, family: "arrows" },
  ArrowRight: { across: true, sign: 1, family: "arrows" },
  ArrowUp: { across: false, sign: 1, family: "arrows" },
  ArrowDown: { across: false, sign: -1, family: "arrows" },
  Numpad4: { across: true, sign: -1, family: "numpad" },
  Numpad6: { across: true, sign: 1, family: "numpad" },
  Numpad8: { across: false, sign: 1, family: "numpad" },
  Numpad2: { across: false, sign: -1, family: "numpad" },
};

const PAIRS = [
  ["KeyA", "KeyD"],
  ["KeyS", "KeyW"],
  ["ArrowLeft", "ArrowRight"],
  ["ArrowDown", "ArrowUp"],
  ["Numpad4", "Numpad6"],
  ["Numpad2", "Numpad8"],
] as const;

/** Of every continuous channel that goes both ways. */
export function channelAxes(channels: readonly Channel[], among: readonly number[]): PlacedAxis[] {
  return among.filter((i) => isTwoSided(channels[i])).map((i) => channelAxis(channels, i));
}

/** Of pairs of keys that press one channel each, with those channels. */
export function pairedAxes(
  channels: readonly Channel[],
  among: readonly number[],
): { axes: PlacedAxis[]; paired: Set<number> } {
  const [axes, paired]: [PlacedAxis[], Set<number>] = [[], new Set()];
  for (const pair of PAIRS) {
    const [low, high] = pair.map((code) =>
      effectOfKey(channels, code).targets.filter(({ channel }) => among.includes(channel)),
    );
    if (low?.length !== 1 || high?.length !== 1) continue;
    axes.push(keyAxis(channels, pair, low, high));
    [...low, ...high].forEach(({ channel }) => paired.add(channel));
  }
  return { axes, paired };
}

/** Of movements that are cut into bins. */
export const binnedAxes = (channels: readonly Channel[]): PlacedAxis[] =>
  findBins(channels).map((bins) => binnedAxis(channels, bins));

function binnedAxis(channels: readonly Channel[], { name, axis, bins }: Bins): PlacedAxis {
  const ahead = bins.filter(({ pixels }) => pixels > 0);
  // Three quarters of the way through the steps: the largest are flicks of the wrist.
  const full = ahead[Math.floor(0.75 * ahead.length)]?.pixels ?? 0;
  const across = axis === "x";
  const effect = (pixels: number): Effect => ({
    targets: [],
    move: { x: across ? pixels : 0, y: across ? 0 : pixels },
  });
  const [low, high] = across ? [effect(-full), effect(full)] : [effect(full), effect(-full)];
  const keysTo = (sign: number): string[] =>
    bins.filter(({ pixels }) => Math.sign(pixels) === sign).flatMap(({ channel }) => keyLabelsOf(channels[channel]));
  const keys = across ? ([keysTo(-1), keysTo(1)] as const) : ([keysTo(1), keysTo(-1)] as const);
  return { label: readable(name), low, high, keys, across, family: "arrows" };
}

/** Whether a channel goes both ways from rest. */
export const isTwoSided = (channel: Channel | undefined): boolean =>
  channel?.kind === "continuous" && channel.rest > channel.range[0] && channel.rest < channel.range[1];

/** A continuous channel that goes both ways. A full push is what its keys give; without keys one unit, as far as its range goes. */
function channelAxis(channels: readonly Channel[], i: number): PlacedAxis {
  const channel = channels[i] as Channel;
  const rest = restOf(channel);
  const [least, most] = rangeOf(channel);
  const keys = Object.entries(channel.keys).filter(([code]) => !code.startsWith("Mouse"));
  const more = Math.max(...keys.map(([, value]) => value), rest);
  const less = Math.min(...keys.map(([, value]) => value), rest);
  const bound = "MouseX" in channel.keys || "MouseY" in channel.keys ? Infinity : 1;
  const up: Target = { channel: i, value: more > rest ? more : Math.min(most, rest + bound) };
  const down: Target = { channel: i, value: less < rest ? less : Math.max(least, rest - bound) };
  const way = wayOf(channel);
  const keysFor = (sign: number): string[] =>
    keys.filter(([, value]) => Math.sign(value - rest) === sign).map(([code]) => keyLabel(code));
  const towards = (sign: number): Effect => ({ targets: [sign > 0 ? up : down] });
  return {
    label: labelOf(channel),
    low: towards(-way.sign),
    high: towards(way.sign),
    keys: [keysFor(-way.sign), keysFor(way.sign)],
    across: way.across,
    family: way.family,
  };
}

/** Which way a larger value points, by the channel's keys, else by its name. */
function wayOf({ name, keys, ...channel }: Channel): Way {
  const rest = channel.kind === "continuous" ? channel.rest : 0;
  for (const [code, value] of Object.entries(keys)) {
    const way = WAYS[code];
    if (way !== undefined) return { ...way, sign: value > rest === way.sign > 0 ? 1 : -1 };
    if (code === "MouseX") return { across: true, sign: value > 0 ? 1 : -1, family: "arrows" };
    if (code === "MouseY") return { across: false, sign: value > 0 ? -1 : 1, family: "arrows" };
  }
  if (/left/i.test(name)) return { across: true, sign: -1, family: name };
  if (/right|x$/i.test(name)) return { across: true, sign: 1, family: name.slice(0, -1) };
  if (/y$/i.test(name)) return { across: false, sign: 1, family: name.slice(0, -1) };
  return { across: false, sign: 1, family: name };
}

function keyAxis(
  channels: readonly Channel[],
  [low, high]: readonly [string, string],
  lowTargets: readonly Target[],
  highTargets: readonly Target[],
): PlacedAxis {
  const names = [...lowTargets, ...highTargets].map(({ channel }) => labelOf(channels[channel] as Channel));
  const way = WAYS[high] as Way;
  return {
    label: names.join(" / "),
    low: { targets: lowTargets },
    high: { targets: highTargets },
    keys: [[keyLabel(low)], [keyLabel(high)]],
    across: way.across,
    family: way.family,
  };
}
