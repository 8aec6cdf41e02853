// When the next frame is due: a beat without drift that gives up on beats it missed instead of hurrying after them.

/** A beat in milliseconds of `performance.now()`. */
export class Pace {
  readonly #period: number;
  #due: number;

  constructor(fps: number, now = performance.now()) {
    this.#period = 1000 / fps;
    this.#due = now;
  }

  /** Milliseconds until the next frame is due; 0 or less: now. */
  wait(now = performance.now()): number {
    return this.#due - now;
  }

  /** A frame was begun: the next one is due one beat after this one was, or, where that is long past, now. */
  beat(now = performance.now()): void {
    this.#due = now - this.#due > this.#period ? now + this.#period : this.#due + this.#period;
  }
}
