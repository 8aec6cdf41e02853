// Where the page begins.
import { render } from "preact";
import { remoteWorld } from "./protocol.js";
import { createPlayer } from "./session/player.js";
import { App } from "./view/app.js";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/gallery.css";
import "./styles/panel.css";
import "./styles/notices.css";
import "./styles/controls.css";
import "./styles/stage.css";
import "./styles/transport.css";
import "./styles/timeline.css";
import "./styles/low.css";

/** A WebSocket to the server that this page came from. A token is in a cookie that scripts cannot read. */
function newSocket(): WebSocket {
  const url = new URL("api/v1/play", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(url);
}

/** Whoever wants little motion, says so in the address, or looks at something else meanwhile (in a queue), begins by pressing Play. */
const beginsPaused = (): boolean =>
  document.hidden ||
  new URLSearchParams(location.search).has("paused") ||
  matchMedia("(prefers-reduced-motion: reduce)").matches;

// A file that misses the gallery is dropped for nothing: browsers would open it in the page's place.
for (const type of ["dragover", "drop"] as const) {
  window.addEventListener(type, (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
}

const player = createPlayer({ server: remoteWorld(document.baseURI), newSocket, beginsPaused });
const root = document.getElementById("app");
if (root !== null) render(<App player={player} />, root);
void player.start();
