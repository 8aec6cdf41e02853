// The keys of the world over its picture, when a session begins: gone once they are used, or after a while.
import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { restOf } from "../input/channels.js";
import { keyLines } from "../input/key-lines.js";
import { surfaceOf } from "../input/surface.js";
import { usePlayer } from "./context.js";

/** Milliseconds of play that it is there, and that it stays once a key was pressed. */
const READ_MS = 10_000;
const USED_MS = 1500;

/** A line of keys and what they do. */
export function KeyHint(): JSX.Element | null {
  const { state, pilot } = usePlayer();
  const { hint, mode, world, status, comparison } = state;
  const channels = world.value?.channels ?? [];
  const lines = useMemo(() => keyLines(surfaceOf(channels)), [channels]);

  useEffect(() => {
    if (!hint.value || mode.value !== "live") return undefined;
    const timer = setTimeout(() => (hint.value = false), READ_MS);
    return () => clearTimeout(timer);
  }, [hint.value, mode.value]);
  useSignalEffect(() => {
    const isUsed = pilot.row.value.some((value, i) => channels[i] !== undefined && value !== restOf(channels[i]));
    if (isUsed && hint.peek()) setTimeout(() => (hint.value = false), USED_MS);
  });

  if (!hint.value || lines.length === 0 || comparison.value || status.value.kind !== "ready") return null;
  return (
    <div class="key-hint" role="note">
      <span class="touch">The sticks and buttons play.</span>
      {lines.map(({ keys, label }) => (
        <span class="typed" key={label || keys.join()}>
          {keys.map(([key]) => (
            <kbd key={key}>{key}</kbd>
          ))}{" "}
          {label}
        </span>
      ))}
      {!channels.some(({ keys }) => "KeyP" in keys) && (
        <span class="typed">
          <kbd>P</kbd> pause
        </span>
      )}
    </div>
  );
}
