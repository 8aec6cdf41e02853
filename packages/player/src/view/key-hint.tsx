// The keys of the world over its picture, when a session begins: gone once they are used, or after a while.
import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { restOf } from "../input/channels.js";
import { type Surface, isNamedAfterKeys, surfaceOf } from "../input/surface.js";
import { usePlayer } from "./context.js";

/** Milliseconds of play that it is there, and that it stays once a key was pressed. */
const READ_MS = 10_000;
const USED_MS = 1500;

/** A line of keys and what they do. */
export function KeyHint(): JSX.Element | null {
  const { state, pilot } = usePlayer();
  const { hint, mode, world } = state;
  const channels = world.value?.channels ?? [];
  const lines = useMemo(() => hintLines(surfaceOf(channels)), [channels]);

  useEffect(() => {
    if (!hint.value || mode.value !== "live") return undefined;
    const timer = setTimeout(() => (hint.value = false), READ_MS);
    return () => clearTimeout(timer);
  }, [hint.value, mode.value]);
  useSignalEffect(() => {
    const isUsed = pilot.row.value.some((value, i) => channels[i] !== undefined && value !== restOf(channels[i]));
    if (isUsed && hint.peek()) setTimeout(() => (hint.value = false), USED_MS);
  });

  if (!hint.value || lines.length === 0) return null;
  return (
    <div class="key-hint" role="note">
      <span class="touch">The sticks and buttons play.</span>
      {lines.map(({ keys, label }) => (
        <span class="typed" key={keys.join()}>
          {keys.map((key) => (
            <kbd key={key}>{key}</kbd>
          ))}{" "}
          {label}
        </span>
      ))}
      <span class="typed">
        <kbd>P</kbd> pause
      </span>
    </div>
  );
}

interface HintLine {
  readonly keys: readonly string[];
  readonly label: string;
}

/** What is reached by keys: up before down, left before right, as they lie on the keyboard. No label: the keys say it themselves. */
export function hintLines({ sticks, buttons }: Pick<Surface, "sticks" | "buttons">): HintLine[] {
  const axes = sticks.flatMap(({ x, y }) => [
    ...(y ? [{ keys: [y.keys[1], y.keys[0]], label: isNamedAfterKeys(y) ? "" : y.label }] : []),
    ...(x ? [{ keys: [x.keys[0], x.keys[1]], label: isNamedAfterKeys(x) ? "" : x.label }] : []),
  ]);
  const buttonLines = buttons.map(({ keys, label }) => ({ keys: keys.slice(0, 1), label: keys[0] === label ? "" : label })); // prettier-ignore
  return [...axes, ...buttonLines]
    .map(({ keys, label }) => ({ keys: keys.filter((key) => key !== ""), label }))
    .filter(({ keys }) => keys.length > 0);
}
