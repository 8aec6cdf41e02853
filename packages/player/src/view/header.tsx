// The line at the top: what world this is, and how the connection stands.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { usePlayer } from "./context.js";
import { Help } from "./help.js";
import { Icon } from "./icons.js";
import { nextTheme, theme } from "./theme.js";

/** Name of the world, state of the connection, and the page's own buttons. */
export function Header(): JSX.Element {
  const player = usePlayer();
  const { world, session, status } = player.state;
  const help = useRef<HTMLDialogElement>(null);
  const Name = session.value ? "h1" : "span"; // other pages have a title of their own
  return (
    <header class="header">
      <img src="./icon.svg" alt="" width="24" height="24" />
      <Name class="name">{world.value?.name ?? "Vid2World"}</Name>
      {session.value && <Connection kind={status.value.kind} />}
      <span class="grow" />
      {session.value && (
        <button
          class="quiet"
          aria-label="Starts"
          title="End this session and choose another start"
          onClick={() => player.leave()}
        >
          <Icon name="gallery" /> <span class="wide">Starts</span>
        </button>
      )}
      <button
        class="quiet"
        aria-label={`Colours: ${theme.value}`}
        title={`Colours: ${theme.value}`}
        onClick={nextTheme}
      >
        <Icon name="theme" /> <span class="wide">{theme.value}</span>
      </button>
      <button class="quiet" aria-label="Help" title="Help" onClick={() => help.current?.showModal()}>
        <Icon name="help" />
      </button>
      <Help dialog={help} />
    </header>
  );
}

function Connection({ kind }: { readonly kind: string }): JSX.Element {
  const words = kind === "ready" ? "connected" : kind === "taken" ? "elsewhere" : "reconnecting";
  return (
    <span class={`connection ${words}`} role="status">
      {words}
    </span>
  );
}
