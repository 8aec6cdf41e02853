// The page's session with its server: finds the world, opens and resumes sessions, takes frames in. Views read `state` and call the methods.
import { batch } from "@preact/signals";
import { type Api, ServerError } from "../connection/api.js";
import { type Link, LinkLostError, createLink } from "../connection/link.js";
import { rememberSession, rememberedSession, wasTokenTried } from "../connection/remembered.js";
import { type Pilot, createPilot } from "../input/pilot.js";
import { actionOf } from "../input/row.js";
import { type FrameMessage, PROTOCOL_VERSION, type ServerMessage } from "../protocol.js";
import { type FrameStore, createFrameStore } from "./frame-store.js";
import { type LatencyMeter, createLatencyMeter } from "./latency.js";
import { type Screen, createScreen } from "./screen.js";
import { type Beginning, type PlayerState, createState } from "./state.js";
import { createTimeline } from "./timeline.js";
import { type Transport, createTransport } from "./transport.js";

/** Milliseconds between two measurements of the way to the server. */
const PING_MS = 2000;

/** Everything that the page can do. */
export interface Player {
  readonly api: Api;
  readonly state: PlayerState;
  readonly screen: Screen;
  readonly transport: Transport;
  readonly pilot: Pilot;
  readonly meter: LatencyMeter;
  /** The compressed picture of a node of this session. */
  picture(node: number): Promise<Blob>;
  /** Called with every node that comes onto the screen while it is played. */
  onDrawn: ((node: number) => void) | undefined;
  /** Finds the world; goes back into the session that this tab was in. */
  start(): Promise<void>;
  /** Begins a session, ending the one before. */
  open(beginning: Beginning): void;
  /** Uploads a picture or session file and begins there. */
  openFile(file: File): Promise<void>;
  /** Back to the gallery; the session ends. */
  leave(): void;
  reconnectNow(): void;
}

/** A player that has not asked its server anything yet. */
export function createPlayer(api: Api): Player {
  const state = createState();
  const { status, world, session, remote, timeline, revision, shown, branch } = state;
  let meter = createLatencyMeter();
  let link: Link | undefined;
  let frames: FrameStore = createFrameStore(() => Promise.reject(new Error("no session is open")));
  let drawnCount = 0;
  let playOnReturn = false;

  const screen = createScreen({
    drawn({ frame, received }, now) {
      acknowledge();
      meter.shown(frame.timings, received, now);
      if (frame.sequence !== undefined) meter.answered(frame.sequence, now);
      batch(() => {
        shown.value = frame.node;
        branch.value = timeline.value.branchOf(frame.node)?.id ?? 0;
        revision.value++;
      });
      player.onDrawn?.(frame.node);
    },
    overtaken() {
      acknowledge();
      meter.dropped();
    },
  });

  const pilot = createPilot({
    channels: () => world.value?.channels ?? [],
    isLive: () => remote.value?.phase === "playing",
    frameTime: () => meter.summary().frameTime ?? 1000 / (remote.value?.fps ?? world.value?.fps ?? 10),
    tell: (message) => link?.tell(message),
    onPress: (sequence, at) => {
      if (remote.value?.phase === "playing") meter.input(sequence, at);
    },
  });

  const transport = createTransport({
    state,
    screen,
    link: () => link,
    frames: () => frames,
    action: () => actionOf(world.value?.channels ?? [], pilot.row.value),
  });

  function acknowledge(): void {
    link?.tell({ type: "shown", count: ++drawnCount });
  }

  function takeFrame(frame: FrameMessage, received: number): void {
    const { node, parent, action } = frame;
    timeline.value.add({
      node,
      frame: frame.frame,
      ...(parent !== undefined && { parent }),
      ...(action.length > 0 && { action: [...action] }),
    });
    const picture = frames.put(frame);
    if (frame.sequence !== undefined) pilot.seen(frame.sequence);
    if (remote.value !== undefined) remote.value = { ...remote.value, node };
    revision.value++;
    if (transport.follows) screen.arrived({ frame, received, picture });
    else acknowledge();
  }

  function takeMessage(message: ServerMessage): void {
    if (message.type === "queued") status.value = { kind: "queued", position: message.position };
    else if (message.type === "state") {
      if (message.state.phase !== "playing") meter.interrupted();
      transport.accept(message.state);
    } else if (message.type === "restored") {
      transport.accept(message.state);
      state.notify(
        "good",
        "The engine failed and was started again. Nothing is lost: play goes on from the same frame.",
      );
    } else if (message.type === "error") fail(new ServerError(message.code, message.message));
  }

  /** Errors that answer nothing: those that end a session are a state of the page, others are told. */
  function fail(error: unknown): void {
    if (error instanceof LinkLostError) return; // the link says so, and comes back
    const code = error instanceof ServerError ? error.code : "internal";
    const message = error instanceof Error ? error.message : "unknown";
    if (code === "wrong-token") askForToken();
    else if (session.value === undefined || code === "unknown-session" || code === "wrong-protocol") {
      end();
      status.value = { kind: "ended", code, message };
    } else state.notify("bad", message);
  }

  function askForToken(): void {
    link?.close();
    status.value = { kind: "token", wrong: wasTokenTried() };
  }

  function end(): void {
    link?.close();
    link = undefined;
    transport.halt();
    pilot.release();
    rememberSession(undefined);
    batch(() => {
      session.value = undefined;
      remote.value = undefined;
      state.comparison.value = undefined;
    });
  }

  /** Opens the socket and says who one is: somebody new, or somebody who was here. */
  function connect(beginning: Beginning | undefined): void {
    link?.close();
    link = createLink(() => api.socket(), {
      open: () => void greet(beginning).catch(fail),
      frame: takeFrame,
      message: takeMessage,
      taken: () => {
        stopHere();
        status.value = { kind: "taken" };
      },
      lost: (retryInMs) => {
        playOnReturn ||= remote.value?.phase === "playing";
        stopHere();
        status.value = { kind: "lost", retryAt: Date.now() + retryInMs };
        // A server that came back with another token would refuse forever without saying why.
        api.world().catch((error: unknown) => {
          if (error instanceof ServerError) fail(error);
        });
      },
    });
    link.connect();
  }

  function stopHere(): void {
    transport.halt();
    meter.interrupted();
    if (remote.value !== undefined) remote.value = { ...remote.value, phase: "paused" };
  }

  async function greet(beginning: Beginning | undefined): Promise<void> {
    drawnCount = 0;
    const known = session.value ?? (beginning === undefined ? rememberedSession() : undefined);
    const protocol = PROTOCOL_VERSION;
    const answer = await (known === undefined && beginning !== undefined
      ? link?.request({ type: "open", protocol, ...beginning, format: "jpeg" })
      : link?.request({
          type: "resume",
          protocol,
          session: known?.session ?? "",
          key: known?.key ?? "",
          format: "jpeg",
        }));
    if (answer === undefined || !("type" in answer) || answer.type !== "opened") return;
    const { session: id, key, seed, truthFrames, replayFrames, nodes } = answer;
    const isNew = session.value?.session !== id;
    const wasCurrent = shown.value === remote.value?.node;
    rememberSession({ session: id, key });
    batch(() => {
      if (isNew) {
        timeline.value = createTimeline();
        frames = createFrameStore((node) => api.frame({ session: id, key }, node));
        meter = createLatencyMeter();
      }
      session.value = { session: id, key, seed, truthFrames };
      for (const node of nodes) timeline.value.add(node);
      revision.value++;
      transport.accept(answer.state);
      status.value = { kind: "ready" };
    });
    // Whoever looked at the newest frame sees the newest frame; whoever looked back stays there.
    if (isNew || wasCurrent) await transport.show(answer.state.node);
    pilot.tellAgain();
    if (isNew && replayFrames > 0)
      state.notify("plain", `Playing the session again: ${replayFrames} frames are to come.`);
    if (playOnReturn || replayFrames > 0) await transport.play();
    playOnReturn = false;
  }

  setInterval(() => {
    if (status.value.kind !== "ready") return;
    const sent = performance.now();
    link?.request({ type: "ping", sent }).then(
      () => meter.roundTrip(performance.now() - sent),
      () => undefined, // lost, which the link tells
    );
  }, PING_MS);

  const player: Player = {
    ...{ api, state, screen, transport, pilot },
    get meter() {
      return meter;
    },
    picture: (node) => frames.get(node),
    onDrawn: undefined,
    async start() {
      status.value = { kind: "loading" };
      try {
        [world.value, state.starts.value] = await Promise.all([api.world(), api.starts()]);
      } catch (error) {
        if (error instanceof ServerError) return fail(error);
        status.value = { kind: "unreachable", message: error instanceof Error ? error.message : "unknown" };
        return;
      }
      status.value = { kind: "choosing" };
      if (rememberedSession() !== undefined) {
        status.value = { kind: "opening", what: "Going back to where you were" };
        connect(undefined);
      }
    },
    open(beginning) {
      player.leave();
      state.beginning.value = beginning;
      status.value = { kind: "opening", what: "Drawing the first frames" };
      connect(beginning);
    },
    async openFile(file) {
      status.value = { kind: "opening", what: `Sending ${file.name}` };
      try {
        const { id, kind } = await api.upload(file);
        player.open({ start: { kind, id } });
      } catch (error) {
        player.leave();
        if (error instanceof ServerError) fail(error);
        else state.notify("bad", "The file could not be sent: the server cannot be reached.");
      }
    },
    leave() {
      if (session.value !== undefined) link?.request({ type: "close" }).catch(() => undefined);
      end();
      status.value = { kind: "choosing" };
    },
    reconnectNow: () => link?.connect(),
  };
  return player;
}
