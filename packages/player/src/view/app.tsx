// The page: which of its states it is in.
import type { JSX } from "preact";
import type { Player } from "../session/player.js";
import { PlayerProvider } from "./context.js";
import { Gallery } from "./gallery.js";
import { Header } from "./header.js";
import { Notices } from "./notices.js";
import { PlayPage } from "./play-page.js";
import { StatusPage } from "./status-page.js";

/** Everything. */
export function App({ player }: { readonly player: Player }): JSX.Element {
  return (
    <PlayerProvider value={player}>
      <Header />
      <Body player={player} />
      <Notices />
    </PlayerProvider>
  );
}

function Body({ player }: { readonly player: Player }): JSX.Element {
  const { status, session } = player.state;
  const { kind } = status.value;
  if (session.value !== undefined && (kind === "ready" || kind === "lost" || kind === "taken")) return <PlayPage />;
  if (kind === "choosing") return <Gallery />;
  return <StatusPage />;
}
