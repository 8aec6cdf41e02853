// The channels of a world as the player sees them, and the one pattern in them that has no kind of its own: a movement cut into bins.
import type { Channel } from "../protocol.js";
import { keyLabel } from "./key-label.js";

export type { Channel };

/** One value per channel, in order. */
export type Row = readonly number[];

/** Channels of which exactly one is on, each standing for a movement by so many pixels (CS:GO: 23 for x, 15 for y). */
export interface Bins {
  /** The part of the names that they share. */
  readonly name: string;
  readonly axis: "x" | "y";
  /** In the order of the pixels. */
  readonly bins: readonly { readonly channel: number; readonly pixels: number }[];
}

/** The value of a channel that nothing drives. */
export const restOf = (channel: Channel): number => (channel.kind === "continuous" ? channel.rest : 0);

/** Smallest and largest value of a channel. */
export function rangeOf(channel: Channel): readonly [number, number] {
  if (channel.kind === "continuous") return channel.range;
  return [0, channel.kind === "binary" ? 1 : channel.options.length - 1];
}

/**
 * Groups of channels named like `mouseXMinus60`, `mouseX0`, `mouseX60`: between 0 and 1, one of them (0 pixels) on at rest. The letter
 * before the number says which way the movement goes.
 */
export function findBins(channels: readonly Channel[]): Bins[] {
  const groups = new Map<string, { channel: number; pixels: number }[]>();
  channels.forEach((channel, i) => {
    const parts = /^(\w*?[xyXY])(Minus)?(\d+)$/.exec(channel.name);
    if (parts?.[1] === undefined || channel.kind !== "continuous") return;
    const pixels = Number(parts[3]) * (parts[2] === undefined ? 1 : -1);
    if (channel.range[0] !== 0 || channel.range[1] !== 1 || channel.rest !== (pixels === 0 ? 1 : 0)) return;
    groups.set(parts[1], [...(groups.get(parts[1]) ?? []), { channel: i, pixels }]);
  });
  return [...groups]
    .filter(([, bins]) => bins.length >= 3 && bins.some(({ pixels }) => pixels === 0))
    .map(([name, bins]) => ({
      name,
      axis: name.toLowerCase().endsWith("x") ? ("x" as const) : ("y" as const),
      bins: bins.toSorted((a, b) => a.pixels - b.pixels),
    }));
}

/** What people call a channel. One that is named after its own key (CS:GO: `keyCtrl`) is called as that key. */
export function labelOf({ name, keys }: Channel): string {
  const label = readable(name);
  const key = Object.keys(keys).map(keyLabel).find((printed) => printed.toLowerCase() === label.replace(/^key /, "")); // prettier-ignore
  return key ?? label;
}

/** The keys of a channel, mouse buttons included, as they are printed. */
export const keyLabelsOf = (channel: Channel | undefined): string[] =>
  Object.keys(channel?.keys ?? {})
    .filter((code) => !/^Mouse[XY]$/.test(code))
    .map(keyLabel);

/** `worldVectorX` as people read it: "world vector x". */
export const readable = (name: string): string =>
  name
    .replaceAll("_", " ")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .replace(/([a-zA-Z])(\d)/g, "$1 $2")
    .toLowerCase();

/** What names have in common at their beginning, in whole words: "rotation x" and "rotation y" are "rotation". */
export function commonWords(a: string, b: string): string {
  const [left, right] = [a.split(" "), b.split(" ")];
  const end = left.findIndex((word, i) => word !== right[i]);
  return left.slice(0, end < 0 ? undefined : end).join(" ");
}

/**
 * The values of a continuous channel that a slider runs over: its range, unless that is so much wider than what its keys do that nothing could be
 * set on it (RECON's measured poses may jump by 100 paces).
 */
export function usualRange(channel: Extract<Channel, { kind: "continuous" }>): readonly [number, number] {
  const { range, rest, keys } = channel;
  const pushes = Object.entries(keys).flatMap(([code, value]) => (/^Mouse[XY]$/.test(code) ? [] : [Math.abs(value - rest)])); // prettier-ignore
  const full = Math.max(...pushes, 0) || 1;
  const reach = Math.max(2, 4 * full);
  return range[1] - range[0] <= 20 * reach
    ? range
    : [Math.max(range[0], rest - reach), Math.min(range[1], rest + reach)];
}
