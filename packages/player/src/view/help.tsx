// Which keys do what: the world's, the gamepad's and the page's own.
import type { JSX, RefObject } from "preact";
import { gamepadHints } from "../input/gamepad-layout.js";
import { keyLabel } from "../input/key-label.js";
import { type KeyLine, keyLines } from "../input/key-lines.js";
import { usesMovement } from "../input/row.js";
import { surfaceOf } from "../input/surface.js";
import { usePlayer } from "./context.js";
import { SHORTCUTS } from "./shortcuts.js";

/** A dialog that lists the keys. */
export function Help({ dialog }: { readonly dialog: RefObject<HTMLDialogElement | null> }): JSX.Element {
  const channels = usePlayer().state.world.value?.channels ?? [];
  const surface = surfaceOf(channels);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title">
      <form method="dialog">
        <h2 id="help-title">How to play</h2>
        <p class="touch">The sticks and buttons on the page play: push them with your fingers.</p>
        <div class="columns">
          <section>
            <h3>In the world</h3>
            <KeyList lines={keyLines(surface)} />
            {channels.length === 0 && <p>Nothing can be done in this world: it goes on by itself.</p>}
            {usesMovement(channels) && <p>Click the picture to look with the mouse; Esc lets it go.</p>}
            <p>
              The controls under the picture show what the frame on the screen was drawn with. Under &ldquo;Every
              channel by hand&rdquo; values can be set to stay.
            </p>
          </section>
          <section>
            <h3>On the page</h3>
            <KeyList lines={SHORTCUTS.map(({ code, label }) => ({ keys: [[keyLabel(code)]], label }))} />
            <p>Where the world uses one of these keys itself, the world gets it.</p>
            <h3>Gamepad</h3>
            <ul>
              {gamepadHints(surface).map((hint) => (
                <li key={hint}>{hint}</li>
              ))}
              <li>Start: play and pause</li>
            </ul>
          </section>
        </div>
        <button class="primary">Close</button>
      </form>
    </dialog>
  );
}

function KeyList({ lines }: { readonly lines: readonly KeyLine[] }): JSX.Element {
  return (
    <dl>
      {lines.map(({ keys, label }) => (
        <div key={label}>
          <dt>{label === "" ? "as in the game" : label}</dt>
          <dd>
            {keys.map((same) => (
              <span key={same.join()}>
                {same.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </span>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  );
}
