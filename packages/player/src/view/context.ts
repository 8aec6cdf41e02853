// The player, for every component below the page.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Player } from "../session/player.js";

const Context = createContext<Player | undefined>(undefined);

/** Gives components below it the player. */
export const PlayerProvider = Context.Provider;

/** The player of this page. */
export function usePlayer(): Player {
  const player = useContext(Context);
  if (player === undefined) throw new Error("usePlayer outside of a PlayerProvider");
  return player;
}
