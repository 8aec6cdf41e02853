// A list of keys, shortened for people: grouped by where they are, the first few of each group named.

/** Keys of one place. */
export interface KeyGroup {
  /** What they have in common at the beginning, with the dot; empty for keys at the top. */
  readonly prefix: string;
  readonly count: number;
  /** The first few. */
  readonly examples: readonly string[];
}

const LONGEST_PREFIX = 2;

/** Groups keys by their first two names, largest group first. */
export function groupKeys(keys: readonly string[], examples = 3): KeyGroup[] {
  const groups = new Map<string, string[]>();
  for (const key of keys) {
    const names = key.split(".");
    const depth = Math.min(LONGEST_PREFIX, names.length - 1);
    const prefix = names
      .slice(0, depth)
      .map((name) => `${name}.`)
      .join("");
    const group = groups.get(prefix);
    if (group) group.push(key);
    else groups.set(prefix, [key]);
  }
  return [...groups]
    .map(([prefix, members]) => ({ prefix, count: members.length, examples: members.slice(0, examples) }))
    .sort((a, b) => b.count - a.count);
}
