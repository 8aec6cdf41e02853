// The controls of the world under its picture. They show the action that the frame on the screen was drawn with, and can be pushed.
import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { type Row, restOf } from "../input/channels.js";
import type { Channel } from "../protocol.js";
import type { Surface } from "../input/surface.js";
import { ChoiceControl } from "./choice-control.js";
import { usePlayer } from "./context.js";
import { PushButton } from "./push-button.js";
import { StickControl } from "./stick-control.js";

interface DeckProps {
  readonly channels: readonly Channel[];
  readonly surface: Surface;
}

/** Sticks, buttons and choices. */
export function Deck({ channels, surface }: DeckProps): JSX.Element | null {
  const row = useShownRow(channels).value;
  if (channels.length === 0) return <p class="deck none">This world cannot be acted in; it goes on by itself.</p>;
  return (
    <section class="deck" aria-label="Controls, showing the action of this frame">
      <div class="sticks">
        {surface.sticks.map((stick) => (
          <StickControl key={stick.label} stick={stick} channels={channels} row={row} />
        ))}
      </div>
      <div class="buttons">
        {surface.buttons.map((button) => (
          <PushButton key={button.label} button={button} channels={channels} row={row} />
        ))}
        {surface.choices.map((choice) => (
          <ChoiceControl key={choice.label} choice={choice} row={row} />
        ))}
      </div>
    </section>
  );
}

/** The action of the frame on the screen: the same array as long as it has the same values, so that a held key draws nothing anew. */
function useShownRow(channels: readonly Channel[]): ReadonlySignal<Row> {
  const { shown, timeline } = usePlayer().state;
  const last = useRef<Row>([]);
  return useComputed(() => {
    const row = timeline.value.get(shown.value)?.action ?? channels.map(restOf);
    const isSame = row.length === last.current.length && row.every((value, i) => value === last.current[i]);
    if (!isSame) last.current = row;
    return last.current;
  });
}
