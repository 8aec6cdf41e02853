// The page's player: finds the world, and joins what this folder has. Views read `state` and call the methods.
import { effect } from "@preact/signals";
import { type Beginning, rememberedSession } from "../connection/remembered.js";
import { type Pilot, createPilot } from "../input/pilot.js";
import { actionOf } from "../input/row.js";
import { RemoteError, type RemoteWorld, type SocketLike } from "../protocol.js";
import { createDisplay } from "./display.js";
import { startHeartbeat } from "./heartbeat.js";
import { createIntake } from "./intake.js";
import { createJoining } from "./joining.js";
import { type LatencyMeter, createLatencyMeter } from "./latency.js";
import { createRemoteState } from "./remote-state.js";
import type { Screen } from "./screen.js";
import { type PlayerState, createState } from "./state.js";
import { type Transport, createTransport } from "./transport.js";

/** Where a player plays. */
export interface PlayerSurroundings {
  readonly server: RemoteWorld;
  /** A WebSocket that plays. */
  readonly newSocket: () => SocketLike;
  /** Whether a session that begins waits for somebody to press Play. */
  readonly beginsPaused: () => boolean;
}

/** Everything that the page can do. */
export interface Player {
  readonly server: RemoteWorld;
  readonly state: PlayerState;
  readonly screen: Screen;
  readonly transport: Transport;
  readonly pilot: Pilot;
  readonly meter: LatencyMeter;
  /** The compressed picture of a node of this session. */
  picture(node: number): Promise<Blob>;
  /** Called with every picture that comes onto the screen while it is played. */
  onDrawn: ((picture: Blob) => void) | undefined;
  /** Finds the world; goes back into the session that this tab was in. */
  start(): Promise<void>;
  /** Begins a session, ending the one before. */
  open(beginning: Beginning): void;
  /** Uploads a picture, a video or a session file and begins there, unless something else was chosen meanwhile. */
  openFile(file: File): Promise<void>;
  /** Back to the gallery; the session ends. */
  leave(): void;
  reconnectNow(): void;
}

/** A player that has not asked its server anything yet. */
export function createPlayer({ server, newSocket, beginsPaused }: PlayerSurroundings): Player {
  const state = createState();
  const { status, world, phase } = state;
  const meter = createLatencyMeter();
  let upload: AbortController | undefined;

  const pilot = createPilot({
    channels: () => world.value?.channels ?? [],
    isLive: () => phase.value === "playing",
    frameTime: () => meter.interval ?? 1000 / (state.fps.value ?? world.value?.fps ?? 10),
    tell: (message) => joining.link?.tell(message),
    onPress: (sequence, at) => {
      if (phase.value === "playing") meter.input(sequence, at);
    },
  });
  const remote = createRemoteState(state, () => joining.link);
  const intake = createIntake({
    ...{ state, meter, pilot, moved: (node) => remote.moved(node), follows: () => transport.follows },
    onDrawn: (picture) => player.onDrawn?.(picture),
  });
  const { screen, picture } = intake;
  const transport = createTransport({
    ...{ state, remote, display: createDisplay({ state, screen, picture }) },
    action: () => actionOf(world.value?.channels ?? [], pilot.row.value),
  });
  const joining = createJoining({
    ...{ state, server, newSocket, intake, meter, pilot, remote, transport, beginsPaused },
  });

  effect(() => {
    if (phase.value !== "playing") pilot.stopped();
  });
  startHeartbeat({
    isConnected: () => status.value.kind === "ready",
    ping: async (sent) => joining.link?.request({ type: "ping", sent }),
    answered: (milliseconds) => meter.roundTrip(milliseconds),
    silent: () => joining.link?.giveUp(),
  });

  const player: Player = {
    ...{ server, state, screen, transport, pilot, meter, picture },
    onDrawn: undefined,
    async start() {
      status.value = { kind: "loading" };
      try {
        [world.value, state.starts.value] = await Promise.all([server.world(), server.starts()]);
      } catch (error) {
        if (error instanceof RemoteError) return joining.fail(error);
        status.value = { kind: "unreachable", message: error instanceof Error ? error.message : "unknown" };
        return;
      }
      status.value = { kind: "choosing" };
      if (rememberedSession() === undefined) return;
      status.value = { kind: "opening", what: "Going back to where you were" };
      joining.join(undefined);
    },
    open(beginning) {
      player.leave();
      state.beginning.value = beginning;
      status.value = { kind: "opening", what: "Drawing the first frames" };
      joining.join(beginning);
    },
    async openFile(file) {
      player.leave();
      state.beginning.value = undefined; // there is nothing to try again but another file
      const mine = (upload = new AbortController());
      status.value = { kind: "opening", what: `Sending ${file.name}` };
      try {
        const { id, kind, exact } = await server.upload(file, mine.signal);
        if (mine.signal.aborted) return;
        player.open({ start: { kind, id } });
        if (!exact)
          state.notify("bad", "This session was saved in a world with other weights: its frames will not be the same.");
      } catch (error) {
        if (mine.signal.aborted) return;
        player.leave();
        if (error instanceof RemoteError) joining.fail(error);
        else state.notify("bad", "The file could not be sent: the server cannot be reached.");
      }
    },
    leave() {
      upload?.abort();
      joining.leave();
      status.value = { kind: "choosing" };
    },
    reconnectNow: () => joining.reconnectNow(),
  };
  return player;
}
