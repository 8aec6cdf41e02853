// A connection that comes back by itself: tries at growing distances after a loss, or after a refusal that may pass.
import {
  ConnectionLostError,
  type FrameMessage,
  type PlayAnswers,
  type PlayNews,
  type PlayRequest,
  type PlaySocket,
  type PlayStatement,
  type SocketLike,
  playOver,
} from "../protocol.js";

/** Waiting times between tries, milliseconds; the last one repeats. */
const RETRY_MS = [250, 500, 1000, 2000, 4000, 8000];

/** Close code of a server that gave the session to another connection. */
const TAKEN = 4001;

/** What a link tells. */
export interface LinkEvents {
  /** The socket is open: says who one is. Where it rejects, the connection is ended and tried again later. */
  greet(): Promise<void>;
  frame(frame: FrameMessage, received: number): void;
  news(news: PlayNews): void;
  /** Somebody else, with the same key, goes on with the session: no further try by itself. */
  taken(): void;
  /** The socket closed, could not be opened, or was refused because of `why`; it is tried again. */
  lost(why: Error | undefined): void;
}

/** A connection that lasts. */
export interface Link {
  connect(): void;
  /** Resolves with the answer; rejects with a `RemoteError` or `ConnectionLostError`. */
  request<R extends PlayRequest>(message: R): Promise<PlayAnswers[R["type"]]>;
  /** Dropped silently where there is no connection: what is held is told anew after it. */
  tell(message: PlayStatement): void;
  /** Nothing answers any more: as if the connection had been closed. */
  giveUp(): void;
  /** For good. */
  close(): void;
}

/** A link over sockets that `newSocket` opens. */
export function createLink(newSocket: () => SocketLike, events: LinkEvents): Link {
  let play: PlaySocket | undefined;
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function connect(): void {
    close();
    const opened = playOver(newSocket(), {
      opened: () => {
        events.greet().then(
          () => (tries = 0),
          (error: unknown) => {
            // A connection that was lost meanwhile is tried again already.
            if (play === opened) lost(error instanceof Error ? error : undefined);
          },
        );
      },
      frame: (frame, received) => events.frame(frame, received),
      news: (news) => events.news(news),
      ended: (code) => (code === TAKEN ? taken() : lost(undefined)),
    });
    play = opened;
  }

  function close(): void {
    clearTimeout(timer);
    play?.end();
    play = undefined;
  }

  function taken(): void {
    play = undefined;
    events.taken();
  }

  function lost(why: Error | undefined): void {
    close();
    timer = setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
    events.lost(why);
  }

  return {
    connect,
    request: (message) => play?.request(message) ?? Promise.reject(new ConnectionLostError("there is no connection")),
    tell: (message) => play?.tell(message),
    giveUp: () => lost(undefined),
    close,
  };
}
