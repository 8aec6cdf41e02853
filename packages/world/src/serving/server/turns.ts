// Work of one session, one piece after the other in the order in which it was asked for, so that what a session becomes depends on the order
// of its messages alone.

import { ServingError } from "./serving-error.js";

interface Task {
  /** Never rejects. */
  readonly run: () => Promise<void>;
  readonly refuse: (reason: Error) => void;
}

/** A bounded line of tasks. Something drives it by `next`. */
export class Turns {
  readonly #tasks: Task[] = [];
  readonly #most: number;
  readonly #onTask: () => void;

  /** `onTask` is called whenever there is something to do. */
  constructor(most: number, onTask: () => void) {
    this.#most = most;
    this.#onTask = onTask;
  }

  /** The outcome of a task, when its turn has come. Rejects with `too-fast` where too many wait already. */
  take<T>(task: () => T | Promise<T>): Promise<T> {
    if (this.#tasks.length >= this.#most)
      return Promise.reject(
        new ServingError("too-fast", `${this.#most} requests of this session wait already; wait for their answers`),
      );
    return new Promise<T>((resolve, reject) => {
      const run = (): Promise<void> => Promise.resolve().then(task).then(resolve, reject);
      this.#tasks.push({ run, refuse: reject });
      this.#onTask();
    });
  }

  /** Takes the next task out of the line; what it returns never rejects. */
  next(): (() => Promise<void>) | undefined {
    return this.#tasks.shift()?.run;
  }

  /** Empties the line. */
  refuse(reason: Error): void {
    for (const task of this.#tasks.splice(0)) task.refuse(reason);
  }
}
