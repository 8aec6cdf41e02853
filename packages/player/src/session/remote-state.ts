// What the server was asked for and what it says, brought together: a wish counts at once, and an answer to an older one does not undo it.
import type { Link } from "../connection/link.js";
import { ConnectionLostError, type PlayAnswers, type PlayRequest, RemoteError, type SessionState } from "../protocol.js"; // prettier-ignore
import { newestOnly } from "./newest-only.js";
import type { PlayerState } from "./state.js";

/** The session as the server has it. */
export interface RemoteState {
  /** The server's current node: the next frame goes on from it. */
  readonly node: number;
  /** A played or stepped frame made this the current node. */
  moved(node: number): void;
  /** Takes over a state that the server told. */
  accept(state: SessionState): void;
  /** The connection is gone: the server draws nothing any more. */
  stopped(): void;
  /** Asks, and tells refusals; undefined for those, and where the connection is lost, which says so itself. */
  ask<R extends PlayRequest>(message: R): Promise<PlayAnswers[R["type"]] | undefined>;
  /** Asks for `play` or `pause`. */
  turn(message: Extract<PlayRequest, { type: "play" | "pause" }>): Promise<void>;
  /** Other settings from the next frame on. */
  change(settings: Partial<SessionState["settings"]>): Promise<void>;
}

/** The state of the session that `link` leads to. */
export function createRemoteState(state: PlayerState, link: () => Link | undefined): RemoteState {
  let told: SessionState | undefined;
  let turns = 0;
  let changes = 0;

  /** What nobody wishes otherwise is as the server says. */
  function reconcile(): void {
    if (told === undefined) return;
    if (turns === 0) state.phase.value = told.phase;
    if (changes === 0 && !isSame(state.settings.value, told.settings)) state.settings.value = told.settings;
  }

  function accept(next: SessionState): void {
    told = next;
    reconcile();
  }

  async function ask<R extends PlayRequest>(message: R): Promise<PlayAnswers[R["type"]] | undefined> {
    try {
      const answer = await (link()?.request(message) ?? Promise.reject(new ConnectionLostError("no connection")));
      if ("type" in answer && answer.type === "state") accept(answer.state);
      return answer;
    } catch (error) {
      if (error instanceof RemoteError) state.notify("bad", error.message);
      else if (!(error instanceof ConnectionLostError)) throw error;
      return undefined;
    }
  }

  // A slider that is dragged asks many times a second, and the server answers once per frame.
  const send = newestOnly(
    async (settings: SessionState["settings"]) => void (await ask({ type: "settings", settings })),
  );

  return {
    get node() {
      return told?.node ?? 0;
    },
    moved: (node) => void (told = told && { ...told, node }),
    accept,
    stopped: () => void (told && accept({ ...told, phase: "paused" })),
    ask,
    async turn(message) {
      turns++;
      state.phase.value = message.type === "play" ? "playing" : "paused";
      try {
        await ask(message);
      } finally {
        turns--;
        reconcile();
      }
    },
    async change(settings) {
      if (state.settings.value === undefined) return;
      changes++;
      const wished = { ...state.settings.value, ...settings };
      state.settings.value = wished;
      try {
        await send(wished);
      } finally {
        changes--;
        reconcile();
      }
    },
  };
}

function isSame(a: SessionState["settings"] | undefined, b: SessionState["settings"]): boolean {
  return (["numSteps", "guidanceScale", "decoder", "seed"] as const).every((setting) => a?.[setting] === b[setting]);
}
