// One of several options, which stays until another is chosen.
import type { JSX } from "preact";
import type { Row } from "../input/channels.js";
import type { Choice } from "../input/surface.js";
import { usePlayer } from "./context.js";

/** Radio buttons; the option of the frame that is shown is marked. */
export function ChoiceControl({ choice, row }: { readonly choice: Choice; readonly row: Row }): JSX.Element {
  const { pilot } = usePlayer();
  const { channel, label, options, keys } = choice;
  const chosen = pilot.latched.value.get(channel) ?? 0;
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {options.map((option, i) => (
        <label key={option} class={row[channel] === i ? "shown" : ""}>
          <input
            type="radio"
            name={`choice ${label}`}
            checked={chosen === i}
            onChange={() => pilot.latch([[channel, i === 0 ? undefined : i]])}
          />
          <span>{option}</span>
          {keys[i]?.[0] !== undefined && keys[i][0] !== option && <kbd>{keys[i][0]}</kbd>}
        </label>
      ))}
    </fieldset>
  );
}
