// Helps to make an action space from foreign data: names that are allowed, and ranges from the values seen.

/** Smallest and largest value. */
export type Range = [number, number];

/** A name from elsewhere as the name of a channel: "Left Shoulder.pos" -> "left_shoulder_pos". */
export function channelName(given: string): string {
  const name = given
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^[a-z]/.test(name) ? name : `c_${name}`;
}

/** Names as channels, made different from each other where they are not. */
export function channelNames(given: readonly string[]): string[] {
  const used = new Set<string>();
  return given.map((each) => {
    const base = channelName(each);
    let name = base;
    for (let i = 2; used.has(name); i++) name = `${base}_${i}`;
    used.add(name);
    return name;
  });
}

/**
 * Ranges of the values seen -> ranges that a channel may have: they hold 0, the value at rest, and they rise. A value that
 * never changed is given room of 1, because nothing is known about it.
 */
export function widenRanges(seen: readonly Range[]): Range[] {
  return seen.map(([low, high]) => {
    const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
    if (!Number.isFinite(from) || !Number.isFinite(to)) return [-1, 1];
    return from < to ? [from, to] : [from, to + 1];
  });
}

/** Smallest and largest value of each column of rows. */
export function rangesOfRows(rows: Iterable<readonly number[]>, columns: number): Range[] {
  const ranges = Array.from({ length: columns }, (): Range => [Infinity, -Infinity]);
  for (const row of rows) {
    for (let i = 0; i < columns; i++) {
      const value = row[i] ?? NaN;
      const [low, high] = ranges[i] ?? [value, value];
      ranges[i] = [Math.min(low, value), Math.max(high, value)];
    }
  }
  return ranges;
}
