// In and out of sessions: opens them, comes back to them after a loss or a reload, and says why where that is not possible.
import { batch } from "@preact/signals";
import { type Link, createLink } from "../connection/link.js";
import { type Beginning, forgetSession, rememberedSession, wasTokenTried } from "../connection/remembered.js";
import { ConnectionLostError, PROTOCOL_VERSION, type PlayNews, RemoteError, type SocketLike } from "../protocol.js"; // prettier-ignore
import { type EnteringSurroundings, createEntering } from "./entering.js";

/** What joining a session works with. */
export interface JoiningSurroundings extends EnteringSurroundings {
  readonly newSocket: () => SocketLike;
  /** Whether a session that begins waits for somebody to press Play. */
  readonly beginsPaused: () => boolean;
}

/** The way into a session and out of it. */
export interface Joining {
  /** Undefined while there is none. */
  readonly link: Link | undefined;
  /** Into a new session; undefined: into the one that this tab was in. */
  join(beginning: Beginning | undefined): void;
  /** The session ends, on the server too. */
  leave(): void;
  reconnectNow(): void;
  /** Errors that answer nothing: those that end a session are a state of the page, others are told. */
  fail(error: unknown): void;
}

/** Refusals of a session that was there before which stay: trying again does not help. Everything else may pass. */
const FINAL: readonly string[] = ["unknown-session", "wrong-protocol", "wrong-origin", "wrong-token"];

/** Nobody is in a session yet. */
export function createJoining(around: JoiningSurroundings): Joining {
  const { state, server, meter, pilot, remote, transport } = around;
  const enter = createEntering(around);
  const { status, session } = state;
  let link: Link | undefined;
  const { playsOnReturn } = state;

  function join(beginning: Beginning | undefined): void {
    playsOnReturn.value = false;
    link?.close();
    link = createLink(around.newSocket, {
      greet: () => (session.value === undefined && beginning !== undefined ? open(beginning) : resume()),
      frame: around.intake.frame,
      news,
      taken: () => {
        stop();
        status.value = { kind: "taken" };
      },
      lost: (why) => {
        playsOnReturn.value ||= state.phase.value === "playing";
        stop();
        status.value = { kind: "lost", ...(why !== undefined && { why: why.message }) };
        // A server that came back with another token would refuse forever without saying why.
        server.world().catch((error: unknown) => {
          if (error instanceof RemoteError && error.code === "wrong-token") refused(error);
        });
      },
    });
    link.connect();
  }

  /** Begins. A refusal is final: somebody chose this start a moment ago, and can choose again. */
  async function open(beginning: Beginning): Promise<void> {
    const request = { type: "open", protocol: PROTOCOL_VERSION, ...beginning, format: "jpeg" } as const;
    const opened = await link?.request(request).catch(refused);
    if (opened === undefined) return;
    const plays = opened.replayFrames > 0 || !around.beginsPaused();
    batch(() => {
      state.hint.value = opened.replayFrames === 0; // keys do nothing before a saved session was played again
      state.starting.value = plays;
    });
    await enter(opened).finally(() => (state.starting.value = false));
    if (session.value?.session !== opened.session) return; // somebody left while the first picture was fetched
    if (opened.replayFrames > 0)
      state.notify("plain", `Playing the session again: ${opened.replayFrames} frames are to come.`);
    if (plays) await transport.play();
  }

  /** Comes back. The key is kept as long as the session may be there. */
  async function resume(): Promise<void> {
    const remembered = rememberedSession();
    if (session.value === undefined) state.beginning.value = remembered?.beginning;
    const { session: id = "", key = "" } = session.value ?? remembered ?? {};
    const request = { type: "resume", protocol: PROTOCOL_VERSION, session: id, key, format: "jpeg" } as const;
    const opened = await link?.request(request).catch((error: unknown) => {
      if (error instanceof RemoteError && FINAL.includes(error.code)) return refused(error);
      throw error;
    });
    if (opened === undefined) return;
    await enter(opened);
    if (playsOnReturn.value) void transport.play();
    playsOnReturn.value = false;
  }

  function news(told: PlayNews): void {
    if (told.type === "queued") status.value = { kind: "queued", position: told.position };
    else if (told.type === "error") {
      // Before there is a session, the connection ends with it, and is tried again.
      if (session.value !== undefined || FINAL.includes(told.code)) fail(new RemoteError(told.code, told.message));
    } else {
      if (told.state.phase !== "playing") meter.interrupted();
      const { node } = remote;
      remote.accept(told.state);
      // It went elsewhere by itself: where a saved session was left.
      if (remote.node !== node && transport.follows && state.timeline.value.get(remote.node)) void transport.follow();
      if (told.type === "restored")
        state.notify("good", "The engine failed and was started again. Nothing is lost: play goes on from the same frame."); // prettier-ignore
    }
  }

  function fail(error: unknown): void {
    if (error instanceof ConnectionLostError) return; // the link says so, and comes back
    const code = error instanceof RemoteError ? error.code : "internal";
    if (session.value === undefined || FINAL.includes(code)) refused(error);
    else state.notify("bad", error instanceof Error ? error.message : "unknown");
  }

  /** There is no session, and none comes by itself. Its key is forgotten only where it opens nothing any more. */
  function refused(error: unknown): undefined {
    if (error instanceof ConnectionLostError) throw error; // the link tries again
    const code = error instanceof RemoteError ? error.code : "internal";
    if (code === "wrong-token") {
      link?.close();
      status.value = { kind: "token", wrong: wasTokenTried() };
      return;
    }
    end();
    if (FINAL.includes(code)) forgetSession();
    // Another world may be served by now, in which what was chosen is tried again.
    if (code === "unknown-session") void server.world().then((world) => (state.world.value = world), () => undefined); // prettier-ignore
    status.value = { kind: "ended", code, message: error instanceof Error ? error.message : "unknown" };
  }

  function stop(): void {
    transport.halt();
    meter.interrupted();
    remote.stopped();
  }

  function end(): void {
    link?.close();
    link = undefined;
    stop();
    pilot.release();
    batch(() => {
      session.value = undefined;
      state.comparison.value = undefined;
      state.hint.value = false;
    });
  }

  return {
    get link() {
      return link;
    },
    join,
    leave() {
      // Whoever does not wait until the session can be gone back to has not ended it: a reload tries again.
      const isIn = session.value !== undefined && status.value.kind !== "queued";
      if (isIn) {
        link?.request({ type: "close" }).catch(() => undefined);
        forgetSession();
      }
      end();
    },
    reconnectNow: () => link?.connect(),
    fail,
  };
}
