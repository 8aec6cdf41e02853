// Playing, pausing, stepping and going back: what the buttons under the picture do.
import { batch } from "@preact/signals";
import { type Link, LinkLostError } from "../connection/link.js";
import { ServerError } from "../connection/api.js";
import type { Action, FrameMessage, ServerMessage, SessionState, Settings } from "../protocol.js";
import type { FrameStore } from "./frame-store.js";
import type { Screen } from "./screen.js";
import type { PlayerState } from "./state.js";

/** What a transport works with. */
export interface TransportSurroundings {
  readonly state: PlayerState;
  readonly screen: Screen;
  link(): Link | undefined;
  frames(): FrameStore;
  /** What is held now. */
  action(): Action;
}

/** The buttons under the picture. All of them return once the server has answered; refusals are told as notices. */
export interface Transport {
  /** Whether arriving frames go to the screen: not while one looks at an earlier one. */
  readonly follows: boolean;
  play(): Promise<void>;
  pause(): Promise<void>;
  toggle(): Promise<void>;
  /** One frame by what is held, from the one shown. */
  step(): Promise<void>;
  /** Shows a frame that was drawn before; playing stops. */
  show(node: number): Promise<void>;
  /** Along the branch, by this many frames. */
  showBeside(frames: number): Promise<void>;
  showFrame(frame: number): Promise<void>;
  /** Plays the branch again from the frame shown, without drawing anything new. */
  watch(): void;
  setFps(fps: number): Promise<void>;
  change(settings: Settings): Promise<void>;
  /** Takes over a state that the server told. */
  accept(state: SessionState): void;
  /** Nothing plays any more: the session changed or the connection was lost. */
  halt(): void;
}

/** A transport for the session that `state` names. */
export function createTransport(around: TransportSurroundings): Transport {
  const { state, screen } = around;
  let follows = true;
  let watchTimer: ReturnType<typeof setTimeout> | undefined;

  /** Asks, and tells refusals. Lost connections say so themselves. */
  async function ask(message: Parameters<Link["request"]>[0]): Promise<ServerMessage | FrameMessage | undefined> {
    try {
      const answer = await around.link()?.request(message);
      if (answer !== undefined && "type" in answer && answer.type === "state") accept(answer.state);
      return answer;
    } catch (error) {
      if (error instanceof ServerError) state.notify("bad", error.message);
      else if (!(error instanceof LinkLostError)) throw error;
      return undefined;
    }
  }

  function accept(next: SessionState): void {
    state.remote.value = next;
  }

  function stopWatching(): void {
    clearTimeout(watchTimer);
    state.watching.value = false;
  }

  async function display(node: number): Promise<void> {
    state.shown.value = node;
    try {
      const picture = await around.frames().get(node);
      if (state.shown.value === node) await screen.still(picture);
    } catch (error) {
      state.notify("bad", `frame ${node} could not be fetched: ${error instanceof Error ? error.message : "unknown"}`);
    }
  }

  /** The server's current node is the one on the screen. */
  async function settle(): Promise<void> {
    if (state.remote.value?.node !== state.shown.value) await ask({ type: "goto", node: state.shown.value });
  }

  function watchNext(): void {
    const { timeline, shown, branch, world, remote } = state;
    const frame = timeline.value.get(shown.value)?.frame ?? 0;
    const next = timeline.value.at(branch.value, frame + 1);
    if (next === undefined) return stopWatching();
    const started = performance.now();
    void display(next).then(() => {
      if (!state.watching.value) return;
      const frameMs = 1000 / (remote.value?.fps ?? world.value?.fps ?? 10);
      watchTimer = setTimeout(watchNext, Math.max(0, frameMs - (performance.now() - started)));
    });
  }

  const transport: Transport = {
    get follows() {
      return follows;
    },
    async play() {
      stopWatching();
      if (state.mode.value === "live") return;
      await settle();
      follows = true;
      const fps = state.remote.value?.fps;
      await ask({ type: "play", ...(fps !== undefined && { fps }) });
    },
    async pause() {
      stopWatching();
      if (state.remote.value?.phase === "playing") await ask({ type: "pause" });
    },
    toggle: () => (state.mode.value === "paused" ? transport.play() : transport.pause()),
    async step() {
      await transport.pause();
      follows = true;
      await ask({ type: "step", from: state.shown.value, action: around.action() });
    },
    async show(node) {
      const branch = state.timeline.value.branchOf(node);
      follows = false;
      stopWatching();
      // The branch stays where the node is on its way too: going back along it does not leave it.
      const onWay = state.timeline.value.at(state.branch.value, state.timeline.value.get(node)?.frame ?? 0) === node;
      if (!onWay && branch !== undefined) state.branch.value = branch.id;
      const shown = display(node);
      await transport.pause();
      await shown;
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
      if (state.watching.value) return stopWatching();
      void transport.pause().then(() => {
        follows = false;
        batch(() => {
          state.watching.value = true;
          const atEnd = state.timeline.value.tip(state.branch.value) === state.shown.value;
          const first = state.timeline.value.at(state.branch.value, 0);
          if (atEnd && first !== undefined) state.shown.value = first;
        });
        watchNext();
      });
    },
    async setFps(fps) {
      const { remote } = state;
      if (remote.value === undefined) return;
      if (remote.value.phase === "playing") await ask({ type: "play", fps });
      else remote.value = { ...remote.value, fps };
    },
    async change(settings) {
      await ask({ type: "settings", settings });
    },
    accept,
    halt: stopWatching,
  };
  return transport;
}
