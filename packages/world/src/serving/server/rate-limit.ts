// A limit of so many things per second, twice as many at once.

/** A bucket that fills with time. */
export class RateLimit {
  readonly #perSecond: number;
  #left: number;
  #since: number;

  constructor(perSecond: number, now = performance.now()) {
    this.#perSecond = perSecond;
    this.#left = 2 * perSecond;
    this.#since = now;
  }

  /** Whether one more is within the limit. */
  take(now = performance.now()): boolean {
    this.#left = Math.min(2 * this.#perSecond, this.#left + ((now - this.#since) / 1000) * this.#perSecond);
    this.#since = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
