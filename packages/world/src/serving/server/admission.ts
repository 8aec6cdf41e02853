// Who may have a session: a fixed number of places, some of them for one address, and a bounded queue in front of them in the order of arrival.

import { ServingError } from "./serving-error.js";

/** How a place is asked for. */
export interface AdmissionRequest {
  /** Told the place in the queue whenever it changes; 1 is next. Absent: whoever asks does not wait. */
  readonly onQueued?: (position: number) => void;
  /** Leaves the queue. */
  readonly signal?: AbortSignal;
  /** Where the client is; absent: the operator's own. */
  readonly address?: string;
}

/** How many places there are. */
export interface AdmissionLimits {
  readonly sessions: number;
  readonly sessionsPerAddress: number;
  readonly queue: number;
}

/** What became of somebody who asked for a place, for the log. */
export interface AdmissionDecision {
  readonly kind: "admitted" | "queued" | "refused";
  /** Places in use, and clients in the queue, then. */
  readonly sessions: number;
  readonly waiting: number;
  /** How long whoever was admitted had waited. */
  readonly milliseconds?: number;
  /** Why somebody was refused. */
  readonly reason?: string;
}

interface Waiting {
  readonly enter: () => void;
  readonly refuse: (reason: Error) => void;
  readonly onQueued: (position: number) => void;
}

/** Places that are taken and given back. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #onDecision: (decision: AdmissionDecision) => void;
  #taken = 0;
  /** Places and waiting clients of an address. */
  readonly #ofAddress = new Map<string, number>();
  readonly #queue: Waiting[] = [];
  #closed: Error | undefined;

  constructor(limits: AdmissionLimits, onDecision: (decision: AdmissionDecision) => void = () => undefined) {
    this.#limits = limits;
    this.#onDecision = onDecision;
  }

  /** Whether all places are in use. */
  get isFull(): boolean {
    return this.#taken >= this.#limits.sessions;
  }

  /** Whether an address has as much as one may have. */
  hasItsShare(address: string | undefined): boolean {
    return address !== undefined && (this.#ofAddress.get(address) ?? 0) >= this.#limits.sessionsPerAddress;
  }

  /** Clients in the queue. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves with the way to give the place back (once; more often does nothing). Rejects with `server-full`, or when the signal aborts. */
  async enter(request: AdmissionRequest): Promise<() => void> {
    const asked = performance.now();
    try {
      const leave = await this.#enter(request);
      this.#decided("admitted", { milliseconds: Math.round(performance.now() - asked) });
      return leave;
    } catch (error) {
      this.#decided("refused", { reason: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  async #enter(request: AdmissionRequest): Promise<() => void> {
    if (this.#closed) throw this.#closed;
    if (request.signal?.aborted) throw left();
    if (this.hasItsShare(request.address)) throw shareTaken(this.#limits.sessionsPerAddress);
    this.#count(request.address, 1);
    try {
      await this.#place(request);
    } catch (error) {
      this.#count(request.address, -1);
      throw error;
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#count(request.address, -1);
      this.#leave();
    };
  }

  /** Refuses everyone from now on, those who wait too. */
  close(reason: Error): void {
    this.#closed = reason;
    for (const { refuse } of this.#queue.splice(0)) refuse(reason);
  }

  async #place({ onQueued, signal }: AdmissionRequest): Promise<void> {
    if (!this.isFull) return void this.#taken++;
    if (!onQueued || this.#queue.length >= this.#limits.queue) throw full(this.#limits.sessions);
    await this.#wait(onQueued, signal);
  }

  #wait(onQueued: (position: number) => void, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        this.#tellPositions();
        reject(left());
      };
      const settled = (): void => signal?.removeEventListener("abort", gone);
      const waiting: Waiting = {
        enter: () => resolve(settled()),
        refuse: (reason) => reject((settled(), reason)),
        onQueued,
      };
      this.#queue.push(waiting);
      signal?.addEventListener("abort", gone, { once: true });
      onQueued(this.#queue.length);
      this.#decided("queued");
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

  #decided(kind: AdmissionDecision["kind"], more: Pick<AdmissionDecision, "milliseconds" | "reason"> = {}): void {
    this.#onDecision({ kind, sessions: this.#taken, waiting: this.#queue.length, ...more });
  }

  #count(address: string | undefined, change: 1 | -1): void {
    if (address === undefined) return;
    const count = (this.#ofAddress.get(address) ?? 0) + change;
    if (count > 0) this.#ofAddress.set(address, count);
    else this.#ofAddress.delete(address);
  }
}

const left = (): ServingError => new ServingError("server-full", "left the queue");

const full = (places: number): ServingError =>
  new ServingError(
    "server-full",
    `${places === 1 ? "the one session of this server is" : `all ${places} sessions of this server are`} in use; try again later, or have it started with more --sessions`,
  );

const shareTaken = (places: number): ServingError =>
  new ServingError("server-full", `your address has ${places} sessions, as many as one may have; close one first`);
