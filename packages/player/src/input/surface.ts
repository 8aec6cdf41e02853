// The controls that a world's channels call for: sticks, buttons and choices. One description serves the on-screen controls, the gamepad and
// the display of what was pressed.
import { type Axis, type PlacedAxis, binnedAxes, channelAxes, isTwoSided, pairedAxes } from "./axes.js";
import { type Channel, commonWords, findBins, keyLabelsOf, labelOf, rangeOf, readable, restOf } from "./channels.js";
import { keyLabel } from "./key-label.js";
import type { Effect } from "./row.js";

/** Something to push in one or two dimensions; it springs back. */
export interface Stick {
  readonly kind: "stick";
  readonly label: string;
  readonly x?: Axis;
  readonly y?: Axis;
}

/** Something to press. */
export interface Button {
  readonly kind: "button";
  readonly label: string;
  readonly keys: readonly string[];
  readonly effect: Effect;
}

/** One of several options; the first is the one at rest. */
export interface Choice {
  readonly kind: "choice";
  readonly label: string;
  readonly channel: number;
  readonly options: readonly string[];
  /** Keys of each option; they choose it while they are held. */
  readonly keys: readonly (readonly string[])[];
}

/** Everything there is to hold on to. */
export interface Surface {
  readonly sticks: readonly Stick[];
  readonly buttons: readonly Button[];
  readonly choices: readonly Choice[];
}

/** The controls of these channels; of the sticks, those with keys first. */
export function surfaceOf(channels: readonly Channel[]): Surface {
  const binned = new Set(findBins(channels).flatMap(({ bins }) => bins.map(({ channel }) => channel)));
  const free = channels.map((_, i) => i).filter((i) => !binned.has(i));
  const continuous = channelAxes(channels, free);
  const press = free.filter((i) => !isTwoSided(channels[i]) && channels[i]?.kind !== "choice");
  const { axes, paired } = pairedAxes(channels, press);
  return {
    sticks: joinAxes([...continuous, ...axes, ...binnedAxes(channels)]),
    buttons: press.filter((i) => !paired.has(i)).map((i) => buttonOf(channels, i)),
    choices: channels.flatMap((channel, i) => (channel.kind === "choice" ? [choiceOf(channel, i)] : [])),
  };
}

/** Axes of one family share a stick: one across, one up. */
function joinAxes(axes: readonly PlacedAxis[]): Stick[] {
  const sticks: { family: string; x?: PlacedAxis; y?: PlacedAxis }[] = [];
  for (const axis of axes) {
    const place = axis.across ? "x" : "y";
    const open = sticks.find((stick) => stick.family === axis.family && stick[place] === undefined);
    if (open === undefined) sticks.push({ family: axis.family, [place]: axis });
    else open[place] = axis;
  }
  const order = ["letters", "arrows", "numpad"];
  const hasKeys = (axis?: Axis): boolean => axis?.keys.some((some) => some.length > 0) ?? false;
  const rank = ({ family, x, y }: (typeof sticks)[number]): number =>
    order.includes(family) ? order.indexOf(family) : order.length + (hasKeys(x) || hasKeys(y) ? 0 : 1);
  return sticks
    .toSorted((a, b) => rank(a) - rank(b))
    .map(({ x, y }) => ({
      kind: "stick",
      label: stickLabel(x, y),
      ...(x && { x }),
      ...(y && { y }),
    }));
}

/** What a stick of these axes is called. */
export function stickLabel(x: Axis | undefined, y: Axis | undefined): string {
  if (x === undefined || y === undefined) return (x ?? y)?.label ?? "";
  if (isNamedAfterKeys(x) && isNamedAfterKeys(y)) return [y.keys[1], x.keys[0], y.keys[0], x.keys[1]].join("");
  return commonWords(x.label, y.label) || `${y.label}, ${x.label}`;
}

/** Whether there is nothing to say about an axis but which keys it has. */
export const isNamedAfterKeys = ({ label, keys }: Axis): boolean => label === keys.join(" / ");

function choiceOf({ name, options, keys }: Extract<Channel, { kind: "choice" }>, channel: number): Choice {
  const keysOf = (_: string, i: number): string[] =>
    Object.entries(keys).flatMap(([code, option]) => (option === i ? [keyLabel(code)] : []));
  return { kind: "choice", label: readable(name), channel, options, keys: options.map(keysOf) };
}

function buttonOf(channels: readonly Channel[], i: number): Button {
  const channel = channels[i] as Channel;
  const rest = restOf(channel);
  const [least, most] = rangeOf(channel);
  const keyed = Math.max(...Object.values(channel.keys), -Infinity);
  const value = Number.isFinite(keyed) && keyed !== rest ? keyed : rest === most ? least : most;
  return {
    kind: "button",
    label: labelOf(channel),
    keys: keyLabelsOf(channel),
    effect: { targets: [{ channel: i, value }] },
  };
}
