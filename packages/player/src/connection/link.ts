// A WebSocket that comes back by itself: requests and their answers, frames, and tries at growing distances after a loss.
import { type ClientMessageInput, type FrameMessage, type ServerMessage, decodeFrame } from "../protocol.js";
import { ServerError } from "./api.js";

/** Waiting times between tries, milliseconds; the last one repeats. */
const RETRY_MS = [250, 500, 1000, 2000, 4000, 8000];

/** Messages without their request number, which the link gives. */
type Unnumbered<M> = M extends { request: number } ? Omit<M, "request"> : never;
/** A message that is answered. */
export type Request = Unnumbered<ClientMessageInput>;
/** A message that is not. */
export type Statement = Exclude<ClientMessageInput, { request: number }>;
/** What answers a request. */
export type Answer = Exclude<ServerMessage, { type: "error" | "queued" | "restored" }> | FrameMessage;

/** Close code of a server that gave the session to another connection. */
const TAKEN = 4001;

/** The connection ended before the answer came. */
export class LinkLostError extends Error {
  override readonly name = "LinkLostError";
}

/** What a link tells. */
export interface LinkEvents {
  /** The socket is open; the first message is due. */
  open(): void;
  frame(frame: FrameMessage, received: number): void;
  /** Everything that answers no request, and `queued`, which does not answer it yet. */
  message(message: ServerMessage): void;
  /** Somebody else, with the same key, goes on with the session: no further try by itself. */
  taken(): void;
  /** The socket closed, or could not be opened; the next try is in so many milliseconds. */
  lost(retryInMs: number): void;
}

/** A connection that lasts. */
export interface Link {
  connect(): void;
  /** Resolves with the answer; rejects with a `ServerError` or `LinkLostError`. */
  request(message: Request): Promise<Answer>;
  /** Dropped silently where there is no connection: what is held is told anew after it. */
  tell(message: Statement): void;
  /** For good. */
  close(): void;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** A link over sockets that `newSocket` opens. */
export function createLink(newSocket: () => WebSocket, events: LinkEvents): Link {
  const waiting = new Map<number, Waiting>();
  let socket: WebSocket | undefined;
  let nextRequest = 0;
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function connect(): void {
    clearTimeout(timer);
    detach();
    const opened = newSocket();
    socket = opened;
    opened.onopen = () => events.open();
    opened.onclose = ({ code }) => (code === TAKEN ? taken() : lost());
    opened.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      tries = 0;
      if (typeof data === "string") receive(JSON.parse(data) as ServerMessage);
      else receiveFrame(decodeFrame(new Uint8Array(data)));
    };
  }

  function detach(): void {
    if (socket === undefined) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
    socket = undefined;
    for (const { reject } of waiting.values()) reject(new LinkLostError("the connection was lost"));
    waiting.clear();
  }

  function taken(): void {
    detach();
    events.taken();
  }

  function lost(): void {
    detach();
    const delay = RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)] ?? 0;
    timer = setTimeout(connect, delay);
    events.lost(delay);
  }

  function settle(request: number | undefined, how: (waiting: Waiting) => void): boolean {
    const asked = request === undefined ? undefined : waiting.get(request);
    if (asked === undefined || request === undefined) return false;
    waiting.delete(request);
    how(asked);
    return true;
  }

  function receive(message: ServerMessage): void {
    if (message.type === "queued" || message.type === "restored") return events.message(message);
    const request = message.request;
    if (message.type === "error") {
      const error = new ServerError(message.code, message.message);
      if (!settle(request, ({ reject }) => reject(error))) events.message(message);
    } else if (!settle(request, ({ resolve }) => resolve(message))) events.message(message);
  }

  function receiveFrame(frame: FrameMessage): void {
    events.frame(frame, performance.now());
    settle(frame.request, ({ resolve }) => resolve(frame));
  }

  return {
    connect,
    request(message) {
      const request = nextRequest++;
      return new Promise((resolve, reject) => {
        if (socket?.readyState !== WebSocket.OPEN) return reject(new LinkLostError("there is no connection"));
        waiting.set(request, { resolve, reject });
        socket.send(JSON.stringify({ ...message, request }));
      });
    },
    tell(message) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
    close() {
      clearTimeout(timer);
      detach();
    },
  };
}
