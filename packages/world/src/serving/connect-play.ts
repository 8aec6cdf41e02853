// Playing over a WebSocket from Node, where it is not everywhere the platform's own, and where a token goes into a header.

import { once } from "node:events";
import WebSocket from "ws";
import { API } from "./protocol/http.js";
import { type PlayEvents, type PlaySocket, playOver } from "./protocol/play-socket.js";

/** How a server is reached. */
export interface ConnectPlayOptions {
  readonly token?: string;
}

/**
 * Connects to a server by its address (`http://127.0.0.1:8008`); `open` or `resume` is due next. Rejects where there is no server or it refuses.
 *
 * @example
 * const play = await connectPlay("http://127.0.0.1:8008", { frame: ({ node }) => console.log(node) });
 * const [start] = await remoteWorld("http://127.0.0.1:8008").starts();
 * await play.request({ type: "open", protocol: 1, start: { kind: "gallery", id: start.id } });
 * await play.request({ type: "play" });
 */
export async function connectPlay(
  address: string,
  events: Omit<PlayEvents, "opened">,
  { token }: ConnectPlayOptions = {},
): Promise<PlaySocket> {
  const url = `${address.replace(/^http/, "ws").replace(/\/$/, "")}${API}/play`;
  const socket = new WebSocket(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  await once(socket, "open");
  socket.on("error", () => undefined); // its end is told with `ended`
  return playOver(socket, events);
}
