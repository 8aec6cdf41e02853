// Work that is asked for faster than it is done: one piece at a time, and after it only what was asked for last.

/**
 * Does `work` for one value at a time. Values that come meanwhile replace each other; all callers are done when the last of them is, and
 * fail with the first that fails.
 */
export function newestOnly<T>(work: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let wanted: { readonly value: T } | undefined;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    try {
      while (wanted !== undefined) {
        const { value } = wanted;
        wanted = undefined;
        await work(value);
      }
    } finally {
      running = undefined;
    }
  }
  return (value) => {
    wanted = { value };
    return (running ??= run());
  };
}
