// In which order TFDS hands out the records of a split. The published file names count episodes in this order.

/** Place of a record. */
export interface RecordPlace {
  readonly shard: number;
  readonly record: number;
}

/** Shards that are read in turns, and how many records each gives in its turn: the defaults of TFDS. */
export const TFDS_INTERLEAVE = { cycle: 16, block: 16 } as const;

/**
 * The order of `tf.data`'s deterministic interleave over shards with these numbers of records: `cycle` shards are open, each
 * gives up to `block` records in its turn, and the place of a shard that has ended is taken by the next one in its next turn.
 */
export function* interleaved(
  lengths: readonly number[],
  { cycle, block }: { readonly cycle: number; readonly block: number },
): Generator<RecordPlace, void> {
  const slots: ({ shard: number; next: number } | undefined)[] = Array.from({ length: cycle }, () => undefined);
  let unopened = 0;
  let left = lengths.reduce((sum, length) => sum + length, 0);
  for (let turn = 0; left > 0; turn = (turn + 1) % cycle) {
    let slot = slots[turn];
    if (slot === undefined && unopened < lengths.length) slot = { shard: unopened++, next: 0 };
    slots[turn] = slot;
    if (slot === undefined) continue;
    for (let i = 0; i < block; i++) {
      if (slot.next === lengths[slot.shard]) {
        slots[turn] = undefined; // its end is noticed only by asking for one more, so a full block comes first
        break;
      }
      yield { shard: slot.shard, record: slot.next++ };
      left--;
    }
  }
}

/** Numbers of the records of each shard: `numbers[shard][record]`. */
export function episodeNumbers(
  lengths: readonly number[],
  order = TFDS_INTERLEAVE as { cycle: number; block: number },
): number[][] {
  const numbers = lengths.map((length) => new Array<number>(length).fill(0));
  let count = 0;
  for (const { shard, record } of interleaved(lengths, order)) (numbers[shard] ?? [])[record] = count++;
  return numbers;
}
