// Where the page remembers things. Browsers that block cookies forbid it, and throw where it is only looked at: then it lasts as long as the page.

/** What is used of a `Storage`. */
export type Remembering = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The storage that `find` gives; where that throws, one in memory. */
export function storageOr(find: () => Storage): Remembering {
  try {
    return find();
  } catch {
    const values = new Map<string, string>();
    return {
      getItem: (key) => values.get(key) ?? null,
      setItem: (key, value) => void values.set(key, value),
      removeItem: (key) => void values.delete(key),
    };
  }
}
