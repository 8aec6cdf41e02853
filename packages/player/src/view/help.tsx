// Which keys do what: the world's, the gamepad's and the page's own.
import type { JSX, RefObject } from "preact";
import { gamepadHints } from "../input/gamepad.js";
import { keyLabel } from "../input/key-label.js";
import { surfaceOf } from "../input/surface.js";
import { readable } from "../input/channels.js";
import { usesMovement } from "../input/row.js";
import { usePlayer } from "./context.js";
import { SHORTCUTS } from "./shortcuts.js";

/** A dialog that lists the keys. */
export function Help({ dialog }: { readonly dialog: RefObject<HTMLDialogElement | null> }): JSX.Element {
  const channels = usePlayer().state.world.value?.channels ?? [];
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title">
      <form method="dialog">
        <h2 id="help-title">Keys</h2>
        <div class="columns">
          <section>
            <h3>In the world</h3>
            <dl>
              {channels
                .filter(({ keys }) => Object.keys(keys).some((code) => !/^Mouse[XY]$/.test(code)))
                .map(({ name, keys, description }) => (
                  <div key={name} title={description}>
                    <dt>{readable(name)}</dt>
                    <dd>
                      {Object.keys(keys)
                        .filter((code) => !/^Mouse[XY]$/.test(code))
                        .map((code) => (
                          <kbd key={code}>{keyLabel(code)}</kbd>
                        ))}
                    </dd>
                  </div>
                ))}
            </dl>
            {usesMovement(channels) && <p>Click the picture to look with the mouse; Esc lets it go.</p>}
          </section>
          <section>
            <h3>On the page</h3>
            <dl>
              {SHORTCUTS.map(({ code, label }) => (
                <div key={code}>
                  <dt>{label}</dt>
                  <dd>
                    <kbd>{keyLabel(code)}</kbd>
                  </dd>
                </div>
              ))}
            </dl>
            <p>Where the world uses one of these keys itself, the world gets it.</p>
            <h3>Gamepad</h3>
            <ul>
              {gamepadHints(surfaceOf(channels)).map((hint) => (
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
