// Where the page begins.
import { render } from "preact";
import { createApi } from "./connection/api.js";
import { createPlayer } from "./session/player.js";
import { App } from "./view/app.js";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/stage.css";
import "./styles/timeline.css";

const player = createPlayer(createApi(document.baseURI));
const root = document.getElementById("app");
if (root !== null) render(<App player={player} />, root);
void player.start();
