// One WebSocket client: checks each message, turns it into a request of its session, and sends the answers and frames in order, never more
// than it has read.

import type { RawData, WebSocket } from "ws";
import * as z from "zod";
import {
  type ClientMessage,
  type FrameFormat,
  PROTOCOL_VERSION,
  type ServerMessage,
  type SessionState,
  clientMessageSchema,
} from "../protocol/messages.js";
import { clientRow } from "./actions.js";
import type { PlayedSession } from "./played-session.js";
import { RateLimit } from "./rate-limit.js";
import type { ServerContext } from "./server-context.js";
import { ServingError, toServingError } from "./serving-error.js";
import type { DrawnFrame, SessionViewer } from "./session-viewer.js";

/** Frames that may be on their way at once: sent, and not yet told as `shown`. */
const IN_FLIGHT = 2;
/** Frames of a client that asks for steps: one is encoded and sent while the next one is drawn. */
const OVERLAP = 2;
/** Bytes that may wait in the socket before its session waits too. */
const UNREAD_BYTES = 2 ** 20;
/** Bytes of answers, which do not wait, that may lie there unread: a client that writes and does not read is sent away. */
const MOST_UNREAD = 2 ** 23;
/** Messages that are no messages, after which a client is sent away. */
const MOST_FAULTS = 20;
/** WebSocket close codes: policy violation, and our own for a session that another connection took over. */
const VIOLATION = 1008;
const REPLACED = 4001;

type InSession = Exclude<ClientMessage, { type: "open" | "resume" | "ping" }>;

/** Serves a client until its socket closes. */
export class PlayConnection implements SessionViewer {
  readonly #socket: WebSocket;
  readonly #context: ServerContext;
  readonly #address: string;
  readonly #gone = new AbortController();
  readonly #rate: RateLimit;
  #session: PlayedSession | undefined;
  /** Whether there was one that the client has closed: what it still tells of it, in answer to frames on their way, is of no interest. */
  #wasClosed = false;
  /** Set while a session is being opened. */
  #opening = false;
  #format: FrameFormat = "jpeg";
  #faults = 0;
  #begun = 0;
  #shown = 0;
  /** Frames that are drawn and not yet in the socket. */
  #encoding = 0;
  /** Everything is sent in the order in which it came up, whatever its encoding takes. */
  #sending: Promise<void> = Promise.resolve();
  #roomAgain: (() => void)[] = [];

  constructor(socket: WebSocket, context: ServerContext, address: string) {
    this.#socket = socket;
    this.#context = context;
    this.#address = address;
    this.#rate = new RateLimit(context.limits.messagesPerSecond);
    socket.on("message", (data, isBinary) => this.#received(data, isBinary));
    socket.on("close", () => this.#closed());
    socket.on("error", () => socket.terminate());
  }

  // What the session tells.

  /** Whether the client has dealt with enough of what it was sent. */
  hasRoom(): boolean {
    return this.#begun - this.#shown < IN_FLIGHT && this.#socket.bufferedAmount < UNREAD_BYTES;
  }

  /** Sends a played frame. */
  played(frame: DrawnFrame): void {
    this.#sendFrame(frame);
  }

  /** Tells the state. */
  stateChanged(state: SessionState): void {
    this.#send({ type: "state", state });
  }

  /** Tells that the engine was lost. */
  restored(state: SessionState): void {
    this.#send({ type: "restored", state });
  }

  /** Tells why playing stopped. */
  failed(error: ServingError): void {
    this.#fail(error);
  }

  /** Sends the client away: its session is somewhere else now. */
  replaced(): void {
    this.#session = undefined;
    this.#socket.close(REPLACED, "this session was taken over by another connection");
  }

  // What the client tells.

  #received(data: RawData, isBinary: boolean): void {
    if (this.#socket.bufferedAmount > MOST_UNREAD) return this.#socket.terminate();
    if (!this.#rate.take()) return this.#sendAway(new ServingError("too-fast", "too many messages in a second"));
    const message = isBinary ? undefined : parseMessage(data);
    if (!message?.success) return this.#fault(message?.error);
    this.#context.metrics.messages.inc({ type: message.data.type });
    this.#handle(message.data);
  }

  #handle(message: ClientMessage): void {
    if (message.type === "ping") return this.#sendNow({ type: "pong", request: message.request, sent: message.sent });
    if (message.type === "open" || message.type === "resume") return void this.#begin(message);
    const session = this.#session;
    const request = "request" in message ? message.request : undefined;
    if (!session && this.#wasClosed && (message.type === "action" || message.type === "shown")) return;
    if (!session)
      return this.#fail(new ServingError("bad-message", "no session yet: open or resume one first"), request);
    try {
      this.#inSession(session, message);
    } catch (error) {
      this.#fail(error, request);
    }
  }

  #inSession(session: PlayedSession, message: InSession): void {
    const { channels } = this.#context.engine.world;
    switch (message.type) {
      case "action":
        return session.hold(clientRow(channels, message.action), message.sequence);
      case "shown":
        this.#shown = Math.min(Math.max(this.#shown, message.count), this.#begun);
        return this.#makeRoom();
      case "step":
        return this.#step(session, message.request, clientRow(channels, message.action), message.from);
      case "play":
        return this.#answer(session.play(message.fps), message.request);
      case "pause":
        return this.#answer(session.pause(), message.request);
      case "goto":
        return this.#answer(session.goTo(message.node), message.request);
      case "settings":
        this.#context.checkSettings(message.settings);
        return this.#answer(session.change(message.settings), message.request);
      case "close":
        return void this.#end(session, message.request);
    }
  }

  async #begin(message: Extract<ClientMessage, { type: "open" | "resume" }>): Promise<void> {
    const { request } = message;
    const { sessions, metrics } = this.#context;
    if (message.protocol !== PROTOCOL_VERSION)
      return this.#fail(new ServingError("wrong-protocol", `this server speaks version ${PROTOCOL_VERSION}; reload the page or update the client`), request); // prettier-ignore
    if (this.#session || this.#opening)
      return this.#fail(new ServingError("bad-message", "this connection has a session; close it first"), request);
    this.#opening = true;
    try {
      const onQueued = (position: number): void => this.#send({ type: "queued", request, position });
      const admission = { onQueued, signal: this.#gone.signal, address: this.#address };
      const session =
        message.type === "open"
          ? await sessions.open(await this.#context.opening(message), admission)
          : await sessions.find(message.session, message.key, admission);
      metrics.opened.inc({ how: message.type });
      this.#format = message.format;
      if (this.#gone.signal.aborted) return message.type === "open" ? void (await sessions.close(session)) : undefined;
      this.#session = session;
      this.#send(this.#context.opened(session, request));
      session.attach(this);
    } catch (error) {
      this.#fail(error, request);
    } finally {
      this.#opening = false;
    }
  }

  #step(session: PlayedSession, request: number, row: readonly number[], from?: number): void {
    // A client that asks without reading: its next frame is not begun before it has read.
    session
      .step(row, from, () => this.#room())
      .then(
        (frame) => this.#sendFrame(frame, request),
        (error: unknown) => this.#fail(error, request),
      );
  }

  #answer(state: Promise<SessionState>, request: number): void {
    state.then(
      (settled) => this.#send({ type: "state", request, state: settled }),
      (error: unknown) => this.#fail(error, request),
    );
  }

  async #end(session: PlayedSession, request: number): Promise<void> {
    this.#session = undefined;
    this.#wasClosed = true;
    session.detach(this);
    await this.#context.sessions.close(session);
    this.#send({ type: "closed", request });
  }

  #closed(): void {
    this.#gone.abort();
    this.#session?.detach(this);
    this.#makeRoom();
  }

  // Sending.

  #sendFrame(frame: DrawnFrame, request?: number): void {
    this.#begun++;
    this.#encoding++;
    const bytes = this.#context.frameMessage(frame, this.#format, this.#session, request);
    bytes.catch(() => undefined); // told in its turn
    const send = async (): Promise<void> => {
      try {
        const message = await bytes;
        this.#context.metrics.sentBytes.inc(message.length);
        this.#socket.send(message, { binary: true }, () => this.#makeRoom());
      } catch (error) {
        this.#begun--; // the client can never tell that it was shown
        this.#tellFailure(error, request);
      }
      this.#encoding--;
      this.#makeRoom();
    };
    this.#sending = this.#sending.then(send);
  }

  #send(message: ServerMessage): void {
    this.#sending = this.#sending.then(() => this.#sendNow(message));
  }

  #sendNow(message: ServerMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** Tells an error after everything that came up before it. */
  #fail(error: unknown, request?: number): void {
    this.#sending = this.#sending.then(() => this.#tellFailure(error, request));
  }

  #tellFailure(error: unknown, request?: number): void {
    const { code, message, cause } = toServingError(error);
    this.#context.metrics.errors.inc({ code });
    const { log } = this.#context;
    if (cause === undefined) log.debug({ code, session: this.#session?.id }, `refused: ${message}`);
    else log.warn({ err: cause, session: this.#session?.id }, message);
    this.#sendNow({ type: "error", ...(request !== undefined && { request }), code, message });
  }

  #fault(error?: z.ZodError): void {
    const why = error ? z.prettifyError(error).slice(0, 300) : "messages are JSON objects, sent as text";
    const fault = new ServingError("bad-message", why);
    if (++this.#faults >= MOST_FAULTS) this.#sendAway(fault);
    else this.#fail(fault);
  }

  #sendAway({ code, message }: ServingError): void {
    this.#context.metrics.errors.inc({ code });
    this.#socket.removeAllListeners("message");
    this.#sendNow({ type: "error", code, message });
    this.#socket.close(VIOLATION, code);
    setTimeout(() => this.#socket.terminate(), 2000).unref(); // it may never read the farewell
  }

  #makeRoom(): void {
    for (const again of this.#roomAgain.splice(0)) again();
    this.#session?.nudge();
  }

  /** Undefined where there is room for one more frame that was asked for. */
  #room(): Promise<void> | undefined {
    const isFull = this.#encoding >= OVERLAP || this.#socket.bufferedAmount >= UNREAD_BYTES;
    if (!isFull || this.#gone.signal.aborted) return undefined;
    return new Promise<void>((resolve) => void this.#roomAgain.push(resolve)).then(() => this.#room());
  }
}

function parseMessage(data: RawData): z.ZodSafeParseResult<ClientMessage> | undefined {
  try {
    return clientMessageSchema.safeParse(JSON.parse((data as Buffer).toString("utf8")));
  } catch {
    return undefined; // not JSON
  }
}
