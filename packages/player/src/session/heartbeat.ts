// Asks the server now and then whether it is there: how long the way takes, and whether a connection that nobody closed still leads anywhere.

/** Milliseconds between two questions. */
const EVERY_MS = 2000;
/** Milliseconds without an answer after which nobody is there: a cable was pulled, or a machine was switched off. */
const SILENCE_MS = 10_000;

/** What a heartbeat works with. */
export interface HeartbeatSurroundings {
  /** Whether there is a connection to ask on. */
  readonly isConnected: () => boolean;
  /** Asks; rejects where the connection is lost. */
  readonly ping: (sent: number) => Promise<unknown>;
  /** An answer came so many milliseconds after its question. */
  readonly answered: (milliseconds: number) => void;
  /** None came for too long. */
  readonly silent: () => void;
}

/** Asks again and again. Returns how to stop. */
export function startHeartbeat({ isConnected, ping, answered, silent }: HeartbeatSurroundings): () => void {
  /** When the oldest question was asked that has no answer. */
  let waitingSince: number | undefined;
  const beat = (): void => {
    const sent = performance.now();
    if (!isConnected()) waitingSince = undefined;
    else if (waitingSince !== undefined && sent - waitingSince > SILENCE_MS) {
      waitingSince = undefined;
      silent();
    } else {
      waitingSince ??= sent;
      ping(sent).then(
        () => {
          waitingSince = undefined;
          answered(performance.now() - sent);
        },
        () => (waitingSince = undefined), // lost, which the link tells
      );
    }
  };
  const timer = setInterval(beat, EVERY_MS);
  return () => clearInterval(timer);
}
