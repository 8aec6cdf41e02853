// Work that is asked for faster than it is done: one piece at a time, and after it only what was asked for last.

/**
 * Does `work` for one value at a time. Values that come meanwhile replace each other; all callers are done when the last of them is. `work` tells
 * its own faults and never rejects.
 */
export function newestOnly<T>(work: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let wanted: { readonly value: T } | undefined;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (wanted !== undefined) {
      const { value } = wanted;
      wanted = undefined;
      await work(value);
    }
    running = undefined;
  }
  return (value) => {
    wanted = { value };
    return (running ??= run());
  };
}
