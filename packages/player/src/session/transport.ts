// Playing, pausing, stepping and going back: what the buttons under the picture do.
import type { Action, SessionState } from "../protocol.js";
import { newestOnly } from "./newest-only.js";
import type { RemoteState } from "./remote-state.js";
import type { PlayerState } from "./state.js";
import { createWatching } from "./watching.js";

/** What a transport works with. */
export interface TransportSurroundings {
  readonly state: PlayerState;
  readonly remote: RemoteState;
  /** Puts a node that was drawn before on the screen. */
  readonly display: (node: number) => Promise<void>;
  /** What is held now. */
  readonly action: () => Action;
}

/** The buttons under the picture. All of them return once the server has answered; refusals are told as notices. */
export interface Transport {
  /** Whether the screen shows the server's newest frame as soon as it can: not while one looks at an earlier one. */
  readonly follows: boolean;
  play(): Promise<void>;
  pause(): Promise<void>;
  toggle(): Promise<void>;
  /** One frame by what is held: from the one looked at, or from the newest. Asked for faster than frames are drawn, it leaves some out. */
  step(): Promise<void>;
  /** Shows a frame that was drawn before; playing stops. */
  show(node: number): Promise<void>;
  /** Shows the server's newest frame, and those after it. */
  follow(): Promise<void>;
  /** Along the branch, by this many frames. */
  showBeside(frames: number): Promise<void>;
  showFrame(frame: number): Promise<void>;
  /** Plays the branch again from the frame shown, without drawing anything new; or stops that. */
  watch(): void;
  setFps(fps: number): Promise<void>;
  change(settings: Partial<SessionState["settings"]>): Promise<void>;
  /** Nothing plays any more: the session changed or the connection was lost. */
  halt(): void;
}

/** A transport for the session that `state` names. */
export function createTransport({ state, remote, display, action }: TransportSurroundings): Transport {
  const watching = createWatching(state, display);
  let follows = true;

  /** The branch stays where the node is on its way too: going back along it does not leave it. */
  function enterBranchOf(node: number): void {
    const { timeline, branch } = state;
    const isOnWay = timeline.value.at(branch.value, timeline.value.get(node)?.frame ?? 0) === node;
    if (!isOnWay) branch.value = timeline.value.branchOf(node)?.id ?? 0;
  }

  // A key that is held asks for more frames than are drawn: of those that are asked for meanwhile one is, and none is left when it is let go.
  const step = newestOnly(async () => {
    const from = follows ? {} : { from: state.shown.value };
    follows = true;
    await transport.pause();
    if ((await remote.ask({ type: "step", ...from, action: action() })) !== undefined) state.replayFrames.value = 0;
  });

  const fpsWished = (): { fps?: number } => (state.fps.value === undefined ? {} : { fps: state.fps.value });

  const transport: Transport = {
    get follows() {
      return follows;
    },
    async play() {
      watching.stop();
      if (state.status.value.kind === "lost") return void (state.playsOnReturn.value = true);
      if (state.phase.value === "playing") return;
      // While the screen follows, what it shows only lags behind: the server's own node is the right one to go on from.
      const goesBack = !follows && remote.node !== state.shown.value;
      follows = true;
      if (goesBack) {
        if ((await remote.ask({ type: "goto", node: state.shown.value })) === undefined) return;
        state.replayFrames.value = 0; // the rest of a saved session goes on from elsewhere
      }
      await remote.turn({ type: "play", ...fpsWished() });
    },
    async pause() {
      watching.stop();
      if (state.phase.value === "playing") await remote.turn({ type: "pause" });
    },
    toggle: () => (state.mode.value === "paused" ? transport.play() : transport.pause()),
    step: () => step(undefined),
    async show(node) {
      follows = false;
      state.playsOnReturn.value = false; // whoever looks back does not want to be taken along again
      watching.stop();
      enterBranchOf(node);
      await Promise.all([display(node), transport.pause()]);
    },
    async follow() {
      follows = true;
      enterBranchOf(remote.node);
      await display(remote.node);
    },
    async showBeside(count) {
      const frame = state.timeline.value.get(state.shown.value)?.frame ?? 0;
      await transport.showFrame(frame + count);
    },
    async showFrame(frame) {
      const node = state.timeline.value.at(state.branch.value, frame);
      if (node !== undefined) await transport.show(node);
    },
    watch() {
      if (state.watching.value) return watching.stop();
      follows = false;
      void transport.pause().then(() => watching.begin());
    },
    async setFps(fps) {
      state.fps.value = fps;
      if (state.phase.value === "playing") await remote.turn({ type: "play", fps });
    },
    change: (settings) => remote.change(settings),
    halt: () => watching.stop(),
  };
  return transport;
}
