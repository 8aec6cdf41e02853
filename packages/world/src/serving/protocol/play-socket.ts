// Playing in real time, for browsers and for Node: requests with their answers, and frames, over one WebSocket (docs/protocol.md). Needs no
// library: the socket is the platform's own, or one that looks like it (`ws`).

import { type FrameMessage, decodeFrame } from "./frame-codec.js";
import type { ClientMessageInput, ServerMessage } from "./messages.js";
import { RemoteError } from "./remote-error.js";

/** What is used of a WebSocket. */
export interface SocketLike {
  readonly readyState: number;
  binaryType: string;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
}

type Unnumbered<M> = M extends { request: number } ? Omit<M, "request"> : never;
/** A message that is answered; the number of the request is given to it. */
export type PlayRequest = Unnumbered<ClientMessageInput>;
/** A message that is not answered. Which frames were shown is told by itself. */
export type PlayStatement = Exclude<ClientMessageInput, { request: number } | { type: "shown" }>;

type Told<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;

/** What answers each request. */
export interface PlayAnswers {
  readonly open: Told<"opened">;
  readonly resume: Told<"opened">;
  readonly play: Told<"state">;
  readonly pause: Told<"state">;
  readonly goto: Told<"state">;
  readonly settings: Told<"state">;
  readonly step: FrameMessage;
  readonly ping: Told<"pong">;
  readonly close: Told<"closed">;
}

/** What a server tells without having been asked, or, `queued`, before it answers. */
export type PlayNews = Told<"queued" | "state" | "restored" | "error">;

/** What a connection tells. */
export interface PlayEvents {
  /** The socket is open; `open` or `resume` is due. */
  readonly opened?: () => void;
  /**
   * A frame came, played or stepped, at `received` (`performance.now()`). The server is told that it was dealt with once this returns, or what it
   * returns is settled: until then it holds back, so that frames never queue up.
   */
  readonly frame: (frame: FrameMessage, received: number) => void | Promise<void>;
  readonly news?: (news: PlayNews) => void;
  /** It ended, or never began; 4001: the session was taken over by another connection. Not told after `end`. */
  readonly ended?: (code: number) => void;
}

/** The connection ended before the answer came. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/** One connection, for one session. */
export interface PlaySocket {
  /** Resolves with the answer; rejects with a `RemoteError` where the server refuses, with a `ConnectionLostError` where it is gone. */
  request<R extends PlayRequest>(message: R): Promise<PlayAnswers[R["type"]]>;
  /** Sends what is not answered. Dropped silently where there is no connection. */
  tell(message: PlayStatement): void;
  /** Ends the connection. The session waits for a `resume`. */
  end(): void;
}

/** `WebSocket.OPEN`. */
const OPEN = 1;

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Plays over a socket, which may still be opening.
 *
 * @example
 * const play = playOver(new WebSocket("ws://127.0.0.1:8008/api/v1/play"), {
 *   opened: async () => {
 *     await play.request({ type: "open", protocol: 1, start: { kind: "gallery", id: "start-0" } });
 *     play.tell({ type: "action", action: { forward: 1 }, sequence: 1 });
 *     await play.request({ type: "play" });
 *   },
 *   frame: ({ pixels, format }) => show(new Blob([pixels], { type: `image/${format}` })),
 * });
 */
export function playOver(socket: SocketLike, events: PlayEvents): PlaySocket {
  const waiting = new Map<number, Waiting>();
  let nextRequest = 0;
  let dealtWith = 0;

  socket.binaryType = "arraybuffer";
  socket.onopen = () => events.opened?.();
  socket.onclose = ({ code }: { code: number }) => {
    detach();
    events.ended?.(code);
  };
  socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
    if (typeof data === "string") receive(JSON.parse(data) as ServerMessage);
    else void receiveFrame(decodeFrame(new Uint8Array(data)));
  };

  function detach(): void {
    socket.onopen = socket.onclose = socket.onmessage = null;
    for (const { reject } of waiting.values()) reject(new ConnectionLostError("the connection was lost"));
    waiting.clear();
  }

  /** Hands an answer to whoever asked; false: nobody did. */
  function settle(request: number | undefined, how: (asked: Waiting) => void): boolean {
    const asked = request === undefined ? undefined : waiting.get(request);
    if (asked === undefined || request === undefined) return false;
    waiting.delete(request);
    how(asked);
    return true;
  }

  function receive(message: ServerMessage): void {
    switch (message.type) {
      case "queued":
      case "restored":
        return events.news?.(message);
      case "error": {
        const error = new RemoteError(message.code, message.message);
        if (!settle(message.request, ({ reject }) => reject(error))) events.news?.(message);
        return;
      }
      default:
        if (!settle(message.request, ({ resolve }) => resolve(message as never)) && message.type === "state")
          events.news?.(message);
    }
  }

  async function receiveFrame(frame: FrameMessage): Promise<void> {
    const done = events.frame(frame, performance.now());
    settle(frame.request, ({ resolve }) => resolve(frame as never));
    if (done !== undefined) await done.catch(() => undefined); // whoever takes frames tells its own faults
    send({ type: "shown", count: ++dealtWith });
  }

  const send = (message: ClientMessageInput): void => {
    if (socket.readyState === OPEN) socket.send(JSON.stringify(message));
  };

  return {
    request(message) {
      const request = nextRequest++;
      return new Promise((resolve, reject) => {
        if (socket.readyState !== OPEN) return reject(new ConnectionLostError("there is no connection"));
        waiting.set(request, { resolve, reject });
        send({ ...message, request });
      });
    },
    tell: send,
    end() {
      detach();
      socket.close();
    },
  };
}
