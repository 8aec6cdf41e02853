// From everything that is held, pushed and moved to one value per channel.
import type { Action } from "../protocol.js";
import { type Bins, type Channel, type Row, findBins, rangeOf, restOf } from "./channels.js";

/** A channel (by place) and the value that a full push gives it. */
export interface Target {
  readonly channel: number;
  readonly value: number;
}

/** What one key, stick direction or button does: it gives channels values, or moves as a mouse would. */
export interface Effect {
  readonly targets: readonly Target[];
  /** Pixels per frame at full push: to the right, down. A push of a half moves by a quarter, as aiming needs small movements most. */
  readonly move?: { readonly x: number; readonly y: number };
}

/** An effect, pushed by 0 to 1. */
export interface Push {
  readonly effect: Effect;
  readonly strength: number;
}

/** What a mouse moved within a frame, pixels: to the right, down. */
export interface Movement {
  readonly x: number;
  readonly y: number;
}

const STILL: Movement = { x: 0, y: 0 };

/** What a key does by the channels' own `keys`. */
export function effectOfKey(channels: readonly Channel[], code: string): Effect {
  const targets = channels.flatMap((channel, i) => {
    const value = channel.keys[code];
    return value === undefined ? [] : [{ channel: i, value }];
  });
  return { targets };
}

/** Every key, mouse buttons included, that some channel names. */
export function keysOf(channels: readonly Channel[]): Set<string> {
  return new Set(channels.flatMap(({ keys }) => Object.keys(keys)).filter((code) => !/^Mouse[XY]$/.test(code)));
}

/** Whether moving a mouse does anything in this world. */
export function usesMovement(channels: readonly Channel[]): boolean {
  return channels.some(({ keys }) => "MouseX" in keys || "MouseY" in keys) || findBins(channels).length > 0;
}

/**
 * The row of all pushes and a movement. `latched` are the values of sliders, which take the place of rest. Opposite pushes cancel; the same
 * value asked for twice counts once, by its strongest; of several options the last wins.
 */
export function rowOf(
  channels: readonly Channel[],
  pushes: readonly Push[],
  movement: Movement = STILL,
  latched: ReadonlyMap<number, number> = new Map(),
): number[] {
  const moved = pushes.reduce(
    (sum, { effect: { move = STILL }, strength }) => ({
      x: sum.x + strength ** 2 * move.x,
      y: sum.y + strength ** 2 * move.y,
    }),
    movement,
  );
  const row = channels.map((channel, i) => {
    const pulls = pushes.flatMap(({ effect, strength }) =>
      effect.targets.filter((target) => target.channel === i).map(({ value }) => ({ value, strength })),
    );
    const base = latched.get(i) ?? restOf(channel);
    if (channel.kind === "binary") return pulls.some(({ strength }) => strength >= 0.5) ? 1 : base;
    if (channel.kind === "choice") return pulls.filter(({ strength }) => strength >= 0.5).at(-1)?.value ?? base;
    const strongest = new Map<number, number>();
    for (const { value, strength } of pulls) strongest.set(value, Math.max(strength, strongest.get(value) ?? 0));
    const pushed = [...strongest].reduce((sum, [value, strength]) => sum + strength * (value - channel.rest), base);
    const perPixel = { x: channel.keys["MouseX"] ?? 0, y: channel.keys["MouseY"] ?? 0 };
    const [low, high] = rangeOf(channel);
    return Math.min(high, Math.max(low, pushed + moved.x * perPixel.x + moved.y * perPixel.y));
  });
  for (const bins of findBins(channels)) fillBins(row, bins, moved[bins.axis]);
  return row;
}

/** One bin is on: the nearest to the pixels of the keys, of the slider and of the movement together. */
function fillBins(row: number[], { bins }: Bins, pixels: number): void {
  const held = bins.filter(({ channel, pixels }) => pixels !== 0 && (row[channel] ?? 0) > 0);
  const wanted = held.reduce((sum, { channel, pixels }) => sum + pixels * (row[channel] ?? 0), pixels);
  const nearest = bins.reduce((best, bin) =>
    Math.abs(bin.pixels - wanted) < Math.abs(best.pixels - wanted) ? bin : best,
  );
  for (const bin of bins) row[bin.channel] = bin === nearest ? 1 : 0;
}

/** A row as an action of the protocol: channels at rest are left out. */
export function actionOf(channels: readonly Channel[], row: Row): Action {
  const named = channels.flatMap((channel, i) => {
    const value = row[i] ?? restOf(channel);
    return value === restOf(channel) ? [] : [[channel.name, value] as const];
  });
  return Object.fromEntries(named);
}

/** How far an effect is pushed in a row, 0 to 1: the picture of a stick or button for a frame that was drawn with the row. */
export function strengthIn(channels: readonly Channel[], { targets, move }: Effect, row: Row): number {
  const shares = targets.map(({ channel, value }) => {
    const rest = restOf(channels[channel] ?? { kind: "binary", name: "", keys: {} });
    const share = value === rest ? 0 : ((row[channel] ?? rest) - rest) / (value - rest);
    return share < 1e-6 ? 0 : share; // frames carry 32-bit floats, where a rest of -1/3 is not quite that
  });
  const moves = findBins(channels).map(({ axis, bins }) => {
    const full = move?.[axis] ?? 0;
    const on = bins.find(({ channel }) => row[channel] === 1)?.pixels ?? 0;
    return full === 0 ? 0 : Math.sqrt(Math.max(0, on / full));
  });
  return Math.min(1, Math.max(0, ...shares, ...moves));
}
