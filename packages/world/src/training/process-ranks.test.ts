// Training by several processes: equal to one process, and on with another number of them (ends of all kinds: interrupted-ranks.test.ts).
import { describe, expect, test } from "vitest";
import { availableBackends, Parameter, zeros } from "@vid2world/torch";
import { rankPlace } from "./process-ranks.js";
import { ownersOf, shardOf } from "./sharded-optimizer.js";
import { type EndedRank, farthest, rankJobs } from "./testing/rank-job.js";

const { run, at } = rankJobs();

let whole: EndedRank | undefined;
/** Nine steps by one rank that never stopped. */
const undivided = async (): Promise<EndedRank | undefined> =>
  (whole ??= (await run(1, { accumulate: 6, maxSteps: 9 }, { out: at("whole"), dtype: "float64" }))[0]);

describe.skipIf(!availableBackends().includes("gloo"))("ranks that are processes", () => {
  test.each([
    ["float64", [2, 3], 1e-10],
    ["float32", [2], 1e-5],
  ] as const)(
    "in %s %j ranks train as one with the same batch, and end with equal bits",
    async (dtype, counts, most) => {
      const [one, ...others] = await Promise.all(
        [1, ...counts].map((count) => run(count, { accumulate: 6 / count }, { out: at(String(count)), dtype })),
      );
      for (const several of others) {
        expect(new Set(several.map(({ digest }) => digest)).size).toBe(1);
        expect(farthest(several[0], one?.[0])).toBeLessThan(most);
        several[0]?.losses.forEach((loss, i) => expect(loss).toBeCloseTo(one?.[0]?.losses[i] ?? NaN, 5));
      }
      expect(one?.[0]?.losses).toHaveLength(8);
    },
    120_000,
  );

  test("a job goes on with another number of ranks: two, then one, then three are one that never stopped", async () => {
    const whole = await undivided();
    for (const [count, maxSteps] of [
      [2, 3],
      [1, 6],
      [3, 9],
    ] as const)
      // prettier-ignore
      expect((await run(count, { accumulate: 3, maxSteps }, { dtype: "float64" }))[0]).toMatchObject({ step: maxSteps });
    const [last] = await run(1, { accumulate: 3, maxSteps: 9 }, { dtype: "float64" });
    expect(farthest(last, whole)).toBeLessThan(1e-10);
  }, 120_000);

  test("with the optimiser's state split over ranks everything is the same, and another number of ranks goes on from it", async () => {
    const whole = await undivided();
    const split = { accumulate: 3, shardOptimizer: true };
    for (const [count, maxSteps] of [
      [2, 3],
      [3, 6],
      [2, 9],
    ] as const) {
      const ended = await run(count, { ...split, maxSteps }, { dtype: "float64" });
      expect(ended[0]).toMatchObject({ step: maxSteps, code: 0 });
      expect(new Set(ended.map(({ digest }) => digest)).size).toBe(1);
    }
    const [last] = await run(1, { ...split, maxSteps: 9 }, { dtype: "float64" });
    expect(farthest(last, whole)).toBeLessThan(1e-10);
  }, 120_000);
});

test("parameters are dealt out so that every rank keeps about as much", () => {
  const sizes = [900, 500, 500, 100, 100, 100, 4];
  const parameters = new Map(sizes.map((size, i) => [`p${i}`, new Parameter(zeros([size]))]));
  const groups = [{ parameters, rate: 1, options: {} }];
  const owners = ownersOf(groups, 3);
  const loads = [0, 1, 2].map((rank) =>
    [...(shardOf(groups, owners, rank)[0]?.parameters.values() ?? [])].reduce((sum, { numel }) => sum + numel, 0),
  );
  expect(loads.reduce((sum, load) => sum + load)).toBe(2204);
  expect(Math.max(...loads)).toBe(900);
});

test("a rank's place is read from the launcher's variables, and half of them is an error", () => {
  const place = { RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "node-1", MASTER_PORT: "29500" };
  expect(rankPlace(place)).toEqual({
    rank: 1,
    count: 2,
    localRank: undefined,
    masterAddr: "node-1",
    masterPort: 29500,
  });
  expect(rankPlace({ ...place, LOCAL_RANK: "0" })).toMatchObject({ localRank: 0 });
  expect(rankPlace({ ...place, TORCHELASTIC_USE_AGENT_STORE: "True" })).toMatchObject({ masterPort: 29501 });
  expect(rankPlace({})).toBeUndefined();
  expect(rankPlace({ ...place, RANK: "0", WORLD_SIZE: "1" })).toBeUndefined();
  expect(() => rankPlace({ WORLD_SIZE: "2" })).toThrow("RANK: expected a number, as the other of RANK and WORLD_SIZE");
  expect(() => rankPlace({ ...place, MASTER_PORT: "" })).toThrow(
    "MASTER_PORT: expected where rank 0 of 2 ranks listens",
  );
  expect(() => rankPlace({ ...place, RANK: "one" })).toThrow("RANK: expected a whole number");
});
