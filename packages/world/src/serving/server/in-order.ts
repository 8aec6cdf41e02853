// Work on many things at once, but on each of them one piece after the other.

/** A line per name. */
export class InOrder {
  readonly #last = new Map<string, Promise<void>>();

  /** Does something once all that was asked for under this name before is done, well or not. */
  after(name: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#last.get(name) ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#last.set(name, done);
    const ended = (): void => void (this.#last.get(name) === done && this.#last.delete(name));
    done.then(ended, ended);
    return done;
  }
}
