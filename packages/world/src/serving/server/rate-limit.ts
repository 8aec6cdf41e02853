// Limits of so many things in a time.

/** A bucket that fills with time. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #most: number;
  #left: number;
  #since: number;

  /** `most`: how many at once, when there were none for long. Default: those of two seconds. */
  constructor(perSecond: number, { most = 2 * perSecond, now = performance.now() } = {}) {
    this.#perSecond = perSecond;
    this.#most = most;
    this.#left = most;
    this.#since = now;
  }

  /** Whether one more is within the limit. */
  take(now = performance.now()): boolean {
    this.#fill(now);
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Whether it is as if nothing had ever been taken. */
  isFull(now = performance.now()): boolean {
    this.#fill(now);
    return this.#left === this.#most;
  }

  #fill(now: number): void {
    this.#left = Math.min(this.#most, this.#left + ((now - this.#since) / 1000) * this.#perSecond);
    this.#since = now;
  }
}

/** Addresses that are remembered before those are forgotten that have been quiet for long. */
const MANY = 1000;

/** So many things per minute for each address. */
export class AddressRates {
  readonly #perMinute: number;
  readonly #rates = new Map<string, RateLimit>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Whether one more of this address is within the limit. */
  take(address: string, now = performance.now()): boolean {
    if (this.#rates.size > MANY)
      for (const [known, rate] of this.#rates) if (rate.isFull(now)) this.#rates.delete(known);
    const rate = this.#rates.get(address) ?? new RateLimit(this.#perMinute / 60, { most: this.#perMinute, now });
    this.#rates.set(address, rate);
    return rate.take(now);
  }
}
