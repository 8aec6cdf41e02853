// Work that runs a few pieces at a time, started in order.

/** Pieces of work in progress. A failure is thrown by the next call that waits. */
export interface SeveralAtOnce {
  readonly count: number;
  add(work: Promise<void>): void;
  /** Waits until another piece may begin. */
  room(): Promise<void>;
  /** Waits for one piece. */
  one(): Promise<void>;
  /** Waits for all. */
  all(): Promise<void>;
  /** Waits for all, failed or not, and never throws. */
  settled(): Promise<void>;
}

/** `most` says how many pieces may run now. */
export function severalAtOnce(most: () => number): SeveralAtOnce {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  const one = async (): Promise<void> => {
    await Promise.race(running);
    check();
  };
  return {
    get count() {
      return running.size;
    },
    add(work) {
      const watched: Promise<void> = work
        .catch((error: unknown) => void (failure ??= { error }))
        .finally(() => running.delete(watched));
      running.add(watched);
    },
    async room() {
      check();
      while (running.size >= most()) await one();
    },
    one,
    async all() {
      while (running.size > 0) await one();
      check();
    },
    async settled() {
      await Promise.all(running);
    },
  };
}
