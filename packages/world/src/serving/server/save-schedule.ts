// When a session that goes on is saved whole: ever further apart, so that saving costs a constant share of playing.

/** Fewest frames between two savings. */
const LEAST = 64;

/** The savings of one session. */
export class SaveSchedule {
  /** Nodes that there were when it was saved last, and when that was last tried. */
  #saved: number;
  #tried: number;

  /** It was saved with so many nodes. */
  constructor(nodes: number) {
    this.#saved = this.#tried = nodes;
  }

  /** Saves where it is time to; what could not be saved is tried again after some more frames. */
  look(nodes: number, save: () => Promise<void>): void {
    if (nodes - this.#saved < Math.max(LEAST, nodes / 4) || nodes - this.#tried < LEAST) return;
    this.#tried = nodes;
    save().then(
      () => void (this.#saved = nodes),
      () => undefined, // whoever saves tells what is wrong
    );
  }
}
