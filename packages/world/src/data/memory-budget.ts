// Memory that several pieces of work share: each waits until there is enough left.

/** Gives out bytes, in the order of asking. */
export interface MemoryBudget {
  /** Waits until `bytes` are left, or all of it where more is asked for; disposing gives them back. */
  take(bytes: number): Promise<Disposable>;
}

/** A budget of `total` bytes. */
export function memoryBudget(total: number): MemoryBudget {
  const waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  let left = total;
  const serve = (): void => {
    for (let next = waiting[0]; next !== undefined && next.bytes <= left; next = waiting[0]) {
      left -= next.bytes;
      waiting.shift();
      next.go();
    }
  };
  return {
    async take(asked) {
      const bytes = Math.min(asked, total);
      await new Promise<void>((go) => {
        waiting.push({ bytes, go });
        serve();
      });
      let held = true;
      return {
        [Symbol.dispose]() {
          if (held) left += bytes;
          held = false;
          serve();
        },
      };
    },
  };
}
