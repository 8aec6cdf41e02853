// A button of the world: held with a finger, the mouse, or Space while it has the focus.
import type { JSX } from "preact";
import type { Row } from "../input/channels.js";
import { strengthIn } from "../input/row.js";
import type { Button } from "../input/surface.js";
import type { Channel } from "../protocol.js";
import { usePlayer } from "./context.js";

interface PushButtonProps {
  readonly button: Button;
  readonly channels: readonly Channel[];
  readonly row: Row;
}

/** Lit as far as it was pressed in the frame that is shown. */
export function PushButton({ button, channels, row }: PushButtonProps): JSX.Element {
  const { pilot } = usePlayer();
  const { effect, keys, label } = button;
  const strength = strengthIn(channels, effect, row);
  const press = (event: UIEvent): void => pilot.push(`button ${label}`, [{ effect, strength: 1 }], event.timeStamp);
  const release = (): void => pilot.push(`button ${label}`, []);
  return (
    <button
      class="push"
      aria-pressed={strength > 0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        press(event);
      }}
      onPointerUp={release}
      onPointerCancel={release}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.code === "Space" && !event.repeat) press(event);
      }}
      onKeyUp={(event) => {
        if (event.code === "Space") release();
      }}
      onBlur={release}
    >
      <span class="fill" style={{ opacity: String(strength) }} />
      <span class="label">{label}</span>
      {keys[0] !== undefined && keys[0] !== label && <kbd aria-hidden="true">{keys[0]}</kbd>}
    </button>
  );
}
