// The controls that a world's channels call for: sticks, buttons and choices. One description serves the on-screen controls, the gamepad and
// the display of what was pressed.
import { type Channel, findBins, rangeOf, readable, restOf } from "./channels.js";
import { type Effect, type Target, effectOfKey } from "./row.js";

/** Two opposite directions. */
export interface Axis {
  readonly label: string;
  /** To the left, or down. */
  readonly low: Effect;
  /** To the right, or up. */
  readonly high: Effect;
  /** Keys for low and high, for people. */
  readonly keys: readonly [string, string];
}

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
}

/** Everything there is to hold on to. */
export interface Surface {
  readonly sticks: readonly Stick[];
  readonly buttons: readonly Button[];
  readonly choices: readonly Choice[];
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

interface PlacedAxis extends Axis {
  readonly across: boolean;
  readonly family: string;
}

/** The controls of these channels, those with keys first. */
export function surfaceOf(channels: readonly Channel[]): Surface {
  const bins = findBins(channels);
  const binned = new Set(bins.flatMap((group) => group.bins.map(({ channel }) => channel)));
  const free = channels.map((_, i) => i).filter((i) => !binned.has(i));
  const continuous = free.filter((i) => isTwoSided(channels[i]));
  const press = free.filter((i) => !continuous.includes(i) && channels[i]?.kind !== "choice");

  const axes = continuous.map((i) => channelAxis(channels, i));
  const paired = new Set<number>();
  for (const pair of PAIRS) {
    const [low, high] = pair.map((code) =>
      effectOfKey(channels, code).targets.filter(({ channel }) => press.includes(channel)),
    );
    if (low?.length !== 1 || high?.length !== 1) continue;
    axes.push(keyAxis(channels, pair, low, high));
    [...low, ...high].forEach(({ channel }) => paired.add(channel));
  }
  for (const { name, axis, bins: steps } of bins) {
    const ahead = steps.filter(({ pixels }) => pixels > 0);
    // Three quarters of the way through the steps: the largest are flicks of the wrist.
    const full = ahead[Math.floor(0.75 * ahead.length)]?.pixels ?? 0;
    const across = axis === "x";
    const effect = (pixels: number): Effect => ({
      targets: [],
      move: { x: across ? pixels : 0, y: across ? 0 : pixels },
    });
    const [low, high] = across ? [effect(-full), effect(full)] : [effect(full), effect(-full)];
    axes.push({ label: readable(name), low, high, keys: ["", ""], across, family: "arrows" });
  }
  return {
    sticks: joinAxes(axes),
    buttons: press.filter((i) => !paired.has(i)).map((i) => buttonOf(channels, i)),
    choices: channels.flatMap((channel, i) =>
      channel.kind === "choice"
        ? [{ kind: "choice" as const, label: readable(channel.name), channel: i, options: channel.options }]
        : [],
    ),
  };
}

const isTwoSided = (channel: Channel | undefined): boolean =>
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
  const keyFor = (sign: number): string => keyLabel(keys.find(([, value]) => Math.sign(value - rest) === sign)?.[0]);
  const towards = (sign: number): Effect => ({ targets: [sign > 0 ? up : down] });
  return {
    label: readable(channel.name),
    low: towards(-way.sign),
    high: towards(way.sign),
    keys: [keyFor(-way.sign), keyFor(way.sign)],
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
  const names = [...lowTargets, ...highTargets].map(({ channel }) => readable(channels[channel]?.name ?? ""));
  const way = WAYS[high] as Way;
  return {
    label: names.join(" / "),
    low: { targets: lowTargets },
    high: { targets: highTargets },
    keys: [keyLabel(low), keyLabel(high)],
    across: way.across,
    family: way.family,
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
  const rank = (family: string): number => (order.includes(family) ? order.indexOf(family) : order.length);
  return sticks
    .toSorted((a, b) => rank(a.family) - rank(b.family))
    .map(({ family, x, y }) => ({
      kind: "stick",
      label: stickLabel(family, x, y),
      ...(x && { x }),
      ...(y && { y }),
    }));
}

function stickLabel(family: string, x: Axis | undefined, y: Axis | undefined): string {
  if (x === undefined || y === undefined) return (x ?? y)?.label ?? "";
  const stem = readable(family);
  return x.label.startsWith(stem) && y.label.startsWith(stem) ? stem : `${y.label}, ${x.label}`;
}

function buttonOf(channels: readonly Channel[], i: number): Button {
  const channel = channels[i] as Channel;
  const rest = restOf(channel);
  const [least, most] = rangeOf(channel);
  const keyed = Math.max(...Object.values(channel.keys), -Infinity);
  const value = Number.isFinite(keyed) && keyed !== rest ? keyed : rest === most ? least : most;
  return {
    kind: "button",
    label: readable(channel.name),
    keys: Object.keys(channel.keys)
      .filter((code) => !/^Mouse[XY]$/.test(code))
      .map(keyLabel),
    effect: { targets: [{ channel: i, value }] },
  };
}

const KEY_LABELS: Readonly<Record<string, string>> = {
  ...{ ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Space: "Space", Escape: "Esc" },
  ...{
    ControlLeft: "Ctrl",
    ControlRight: "Ctrl",
    ShiftLeft: "Shift",
    ShiftRight: "Shift",
    AltLeft: "Alt",
    AltRight: "Alt",
  },
  ...{ MouseLeft: "left click", MouseMiddle: "middle click", MouseRight: "right click" },
  ...{ Minus: "-", Equal: "=", Comma: ",", Period: ".", Slash: "/", Semicolon: ";", Quote: "'", Backquote: "`" },
};

/** A `KeyboardEvent.code` as it is printed on the key. */
export function keyLabel(code: string | undefined): string {
  if (code === undefined) return "";
  return KEY_LABELS[code] ?? code.replace(/^(Key|Digit)/, "").replace(/^Numpad/, "Num ");
}
