// The order of episodes against tf.data's interleave: its documented example, and cases recorded from tensorflow itself.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { episodeNumbers, interleaved, TFDS_INTERLEAVE } from "./episode-order.js";

const shardsInOrder = (lengths: number[], cycle: number, block: number): number[] =>
  [...interleaved(lengths, { cycle, block })].map(({ shard }) => shard + 1);

test("the example in the documentation of tf.data comes out as documented", () => {
  expect(shardsInOrder([6, 6, 6, 6, 6], 2, 4)).toEqual([
    1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5,
  ]); // prettier-ignore
});

// Recorded from tensorflow 2.21's Dataset.interleave(cycle_length=16, block_length=16, num_parallel_calls=2, deterministic=True):
// the checksum of "shard:record shard:record ...".
test.each([
  [
    [40, 1, 33, 16, 32, 17, 48, 2, 9, 16, 31, 64, 80, 15, 16, 17, 18, 70, 3, 16, 40, 1, 1, 90],
    "6a6980002cb247a605d1063605933bfe3bc9e4d08cd925de07ab131025a60461",
  ],
  [Array<number>(40).fill(90), "594423b4c19d67301a9ddeecc9e3b1b04301a735e8d2f5698307686e5fdeb747"],
  [[...Array<number>(18).fill(16), 5, 20], "931e99f7d7d07f89b60c5bf1830f76150d92fa7eec9752d836c69cff8bf495d8"],
])("shards of %j records come in the order of tensorflow", (lengths, expected) => {
  const places = [...interleaved(lengths, TFDS_INTERLEAVE)].map(({ shard, record }) => `${shard}:${record}`);
  expect(createHash("sha256").update(places.join(" ")).digest("hex")).toBe(expected);
});

test("few short shards are read one after the other", () => {
  expect(episodeNumbers([2, 3])).toEqual([
    [0, 1],
    [2, 3, 4],
  ]);
});

test("every record has one number, whatever the lengths of the shards", () => {
  for (const lengths of [[1], [16, 16], [40, 1, 0, 33], Array.from({ length: 50 }, (_, i) => (i * 7) % 37)]) {
    const numbers = episodeNumbers(lengths);
    expect(numbers.map((shard) => shard.length)).toEqual(lengths);
    expect(numbers.flat().sort((a, b) => a - b)).toEqual(numbers.flat().map((_, i) => i));
    for (const shard of numbers) expect([...shard].sort((a, b) => a - b)).toEqual(shard);
  }
});
