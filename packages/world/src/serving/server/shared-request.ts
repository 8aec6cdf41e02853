// Several clients that ask for the same session while it is on its way back: they wait for one place together.

import type { AdmissionRequest } from "./admission.js";
import { ServingError } from "./serving-error.js";

/** Several who ask for the same session: all are told of the queue, and it is left when the last of them has gone. */
export class SharedRequest implements AdmissionRequest {
  readonly address?: string;
  readonly onQueued?: (position: number) => void;
  readonly #gone = new AbortController();
  readonly #members = new Set<AdmissionRequest>();
  #position: number | undefined;

  /** Asks as the first of them does. */
  constructor(first: AdmissionRequest) {
    if (first.address !== undefined) this.address = first.address;
    if (first.onQueued)
      this.onQueued = (position) => {
        this.#position = position;
        for (const member of this.#members) member.onQueued?.(position);
      };
    this.join(first);
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** One more. Throws `server-full` where the others wait and this one does not. */
  join(member: AdmissionRequest): void {
    if (this.#position !== undefined && !member.onQueued)
      throw new ServingError("server-full", "all sessions of this server are in use; try again later");
    this.#members.add(member);
    if (this.#position !== undefined) member.onQueued?.(this.#position);
    const leave = (): void => {
      this.#members.delete(member);
      if (this.#members.size === 0) this.#gone.abort();
    };
    if (member.signal?.aborted) leave();
    else member.signal?.addEventListener("abort", leave, { once: true });
  }
}
