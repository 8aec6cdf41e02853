// Who may have a session: a fixed number of places, and a bounded queue in front of them in the order of arrival.

import { ServingError } from "./serving-error.js";

/** How a place is asked for. */
export interface AdmissionRequest {
  /** Told the place in the queue whenever it changes; 1 is next. Absent: whoever asks does not wait. */
  readonly onQueued?: (position: number) => void;
  /** Leaves the queue. */
  readonly signal?: AbortSignal;
}

interface Waiting {
  readonly enter: () => void;
  readonly onQueued: (position: number) => void;
}

/** Places that are taken and given back. */
export class Admission {
  readonly #places: number;
  readonly #longest: number;
  #taken = 0;
  readonly #queue: Waiting[] = [];

  constructor(places: number, longestQueue: number) {
    this.#places = places;
    this.#longest = longestQueue;
  }

  /** Places in use. */
  get taken(): number {
    return this.#taken;
  }

  /** Clients in the queue. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves with the way to give the place back (once; more often does nothing). Rejects with `server-full`, or when the signal aborts. */
  async enter({ onQueued, signal }: AdmissionRequest): Promise<() => void> {
    if (this.#taken < this.#places) this.#taken++;
    else if (!onQueued || this.#queue.length >= this.#longest) throw full(this.#places);
    else await this.#wait(onQueued, signal);
    let held = true;
    return () => {
      if (held) this.#leave();
      held = false;
    };
  }

  #wait(onQueued: (position: number) => void, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        this.#tellPositions();
        reject(new ServingError("server-full", "left the queue"));
      };
      const enter = (): void => {
        signal?.removeEventListener("abort", gone);
        resolve();
      };
      const waiting = { enter, onQueued };
      this.#queue.push(waiting);
      signal?.addEventListener("abort", gone, { once: true });
      onQueued(this.#queue.length);
    });
  }

  /** The place goes to the next in the queue. */
  #leave(): void {
    const next = this.#queue.shift();
    if (!next) return void this.#taken--;
    next.enter();
    this.#tellPositions();
  }

  #tellPositions(): void {
    this.#queue.forEach(({ onQueued }, i) => onQueued(i + 1));
  }
}

const full = (places: number): ServingError =>
  new ServingError("server-full", `all ${places} sessions of this server are in use; try again later`);
