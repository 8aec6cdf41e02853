// Work of one session, one piece after the other in the order in which it was asked for, so that what a session becomes depends on the order
// of its messages alone; and between the pieces, what it does by itself.

import { ServingError } from "./serving-error.js";

interface Task {
  /** Never rejects. */
  readonly run: () => Promise<void>;
  readonly refuse: (reason: Error) => void;
}

/** What a session does while no task waits: something, nothing before so many milliseconds have passed or it is nudged, or nothing at all. */
export type Spare = Promise<void> | number | undefined;

/** A bounded line of tasks, and what is done between them. */
export class Turns {
  readonly #tasks: Task[] = [];
  readonly #most: number;
  readonly #spare: () => Spare;
  #running = false;
  #wake: (() => void) | undefined;

  /** `spare` is asked whenever there is no task, until it says nothing; then again after the next task or nudge. It must not throw or reject. */
  constructor(most: number, spare: () => Spare) {
    this.#most = most;
    this.#spare = spare;
  }

  /** Whether there is something to do. */
  get running(): boolean {
    return this.#running;
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
      this.nudge();
    });
  }

  /** Empties the line. */
  refuse(reason: Error): void {
    for (const task of this.#tasks.splice(0)) task.refuse(reason);
  }

  /** Looks again whether there is something to do. */
  nudge(): void {
    this.#wake?.();
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (;;) {
      const work = this.#tasks.shift()?.run() ?? this.#spare();
      if (work === undefined) break;
      await (typeof work === "number" ? this.#sleep(work) : work);
    }
    this.#running = false;
  }

  async #sleep(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (milliseconds !== Infinity) timer = setTimeout(resolve, milliseconds);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
