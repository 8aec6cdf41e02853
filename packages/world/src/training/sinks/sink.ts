// A sink keeps what a run tells: in files, or with a service. One that fails is left out; training goes on.
import type { TrainingEvent, TrainingListener } from "../events.js";

/** Takes the events of one run. */
export interface Sink {
  /** What it is, for the warning when it fails: "tensorboard". */
  readonly name: string;
  /** Takes an event; what cannot be done at once may be done later. */
  readonly receive: TrainingListener;
  /** Resolves when all that was taken is where it belongs. */
  close?(): Promise<void>;
}

/** Several sinks as one. */
export interface Sinks {
  readonly receive: TrainingListener;
  close(): Promise<void>;
}

/**
 * Joins sinks. One that throws (a full disk, a service that is gone) gets no further events and is reported to the others and to `onWarning`:
 * a run of days must not end because its diary does.
 */
export function joinSinks(sinks: readonly Sink[], onWarning: (event: TrainingEvent) => void = () => {}): Sinks {
  const open = new Set(sinks);
  const fail = (sink: Sink, error: unknown): void => {
    open.delete(sink);
    const reason = error instanceof Error ? error.message : String(error);
    const warning = { type: "warning", message: `${sink.name}: ${reason}; nothing more is written to it` } as const;
    receive(warning);
    onWarning(warning);
  };
  const receive: TrainingListener = (event) => {
    for (const sink of [...open]) {
      try {
        sink.receive(event);
      } catch (error) {
        fail(sink, error);
      }
    }
  };
  return {
    receive,
    async close() {
      for (const sink of [...open]) {
        try {
          await sink.close?.();
        } catch (error) {
          fail(sink, error);
        }
      }
    },
  };
}
