// Training by several processes: equal to one process, whole after a kill, and on with another number of them.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { availableBackends, Parameter, zeros } from "@vid2world/torch";
import { rankPlace } from "./process-ranks.js";
import { ownersOf, shardOf } from "./sharded-optimizer.js";

let folder: string;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "ranks-"));
  await writeFile(path.join(folder, "rank.mjs"), program);
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

const library = (name: string): string =>
  JSON.stringify(new URL(`../../dist/src/training/${name}.js`, import.meta.url));

/** A rank that trains two layers with dropout on noise; `losses` are those of every step, `weights` the bytes of all it ends with. */
const program = `
  import { createHash } from "node:crypto";
  import { Dropout, Linear, Module, manualSeed, randn, setNumThreads } from ${JSON.stringify(import.meta.resolve("@vid2world/torch"))};
  import { joinRanks, rankPlace } from ${library("process-ranks")};
  import { trainingSchema } from ${library("settings")};
  import { train } from ${library("trainer")};
  setNumThreads(1);
  const { folder, dtype, settings, pause } = JSON.parse(process.argv[2]);
  class Net extends Module {
    first = new Linear(6, 8); second = new Linear(8, 3); dropout = new Dropout(0.2);
    forward(x) { return this.second.forward(this.dropout.forward(this.first.forward(x).tanh())); }
  }
  manualSeed(Number(process.env.RANK ?? 0) + 5); // different first weights: those of rank 0 count
  const module = new Net().to(dtype);
  const objective = {
    module,
    next: () => new Promise((resolve) => setTimeout(resolve, pause ?? 0)),
    losses: (draw) => ({ total: module.forward(randn([4, 6], { dtype }).add(draw.below(3))).square().mean() }),
  };
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  const place = rankPlace(process.env);
  const ranks = place && await joinRanks({ ...place, timeout: 30 }, "cpu");
  const losses = [];
  const onEvent = (event) => {
    if (event.type !== "progress") return;
    losses.push(event.metrics.loss);
    if (place === undefined || place.rank === 0) process.stderr.write("step " + event.step + "\\n");
  };
  try {
    const result = await train(objective, trainingSchema.parse(settings), { folder, resume: true, signal: stop.signal, onEvent, ranks });
    await ranks?.close();
    const bytes = createHash("sha256");
    for (const value of module.stateDict().values()) bytes.update(value.toBytes());
    const weights = [...module.stateDict().values()].flatMap((value) => value.toNumbers());
    console.log(JSON.stringify({ ...result, losses, weights, digest: bytes.digest("hex") }));
  } catch (error) {
    await ranks?.fail(error.message);
    console.log(JSON.stringify({ error: error.message }));
    process.exitCode = 1;
  }`;

interface Ended {
  readonly code: number | null;
  readonly step: number;
  readonly finished: boolean;
  readonly losses: number[];
  readonly weights: number[];
  readonly digest: string;
  readonly error?: string;
}

interface Job {
  readonly ranks: readonly ChildProcess[];
  readonly ended: Promise<Ended[]>;
  /** Resolves when rank 0 has done that many steps. */
  reached(step: number): Promise<void>;
}

async function start(
  count: number,
  more: object = {},
  { out = folder, dtype = "float32", pause = 0 } = {},
): Promise<Job> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const settings = { batchSize: 4, learningRate: 0.01, maxSteps: 8, emaDecay: 0.9, logEvery: 1, ...more };
  const argument = JSON.stringify({ folder: out, dtype, settings, pause });
  const ranks = Array.from({ length: count }, (_, rank) => {
    const place = {
      RANK: String(rank),
      WORLD_SIZE: String(count),
      MASTER_ADDR: "127.0.0.1",
      MASTER_PORT: String(port),
    };
    const env = { ...process.env, OMP_NUM_THREADS: "1", ...(count > 1 && place) };
    return spawn(process.execPath, [path.join(folder, "rank.mjs"), argument], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
  });
  let progress = "";
  ranks[0]?.stderr.on("data", (data: Buffer) => (progress += data.toString()));
  const ended = ranks.map(async (child): Promise<Ended> => {
    children.add(child);
    let text = "";
    child.stdout.on("data", (data: Buffer) => (text += data.toString()));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    children.delete(child);
    return { code, ...(JSON.parse(text || "{}") as Omit<Ended, "code">) };
  });
  return {
    ranks,
    ended: Promise.all(ended),
    async reached(step) {
      while (!progress.includes(`step ${step}\n`) && ranks[0]?.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

const run = async (...args: Parameters<typeof start>): Promise<Ended[]> => (await start(...args)).ended;
const farthest = (a: Ended | undefined, b: Ended | undefined): number =>
  Math.max(...(a?.weights ?? [NaN]).map((value, i) => Math.abs(value - (b?.weights[i] ?? NaN))));
const checkpoints = (out = folder): Promise<string[]> => readdir(path.join(out, "checkpoints"));

describe.skipIf(!availableBackends().includes("gloo"))("ranks that are processes", () => {
  test.each([
    ["float64", 1e-10],
    ["float32", 1e-5],
  ] as const)(
    "two and three ranks train as one with the same batch, in %s, and end with equal bits",
    async (dtype, most) => {
      const [one, two, three] = await Promise.all(
        [1, 2, 3].map((count) =>
          run(count, { accumulate: 6 / count }, { out: path.join(folder, String(count)), dtype }),
        ),
      );
      for (const several of [two, three]) {
        expect(new Set(several?.map(({ digest }) => digest)).size).toBe(1);
        expect(farthest(several?.[0], one?.[0])).toBeLessThan(most);
        several?.[0]?.losses.forEach((loss, i) => expect(loss).toBeCloseTo(one?.[0]?.losses[i] ?? NaN, 5));
      }
      expect(two?.[0]?.losses).toHaveLength(8);
    },
    120_000,
  );

  test("a job goes on with another number of ranks: two, then one, then three are one that never stopped", async () => {
    const out = path.join(folder, "whole");
    const [whole] = await run(1, { accumulate: 6, maxSteps: 9 }, { out, dtype: "float64" });
    for (const [count, maxSteps] of [
      [2, 3],
      [1, 6],
      [3, 9],
    ] as const)
      // prettier-ignore
      expect((await run(count, { accumulate: 3, maxSteps }, { dtype: "float64" }))[0]).toMatchObject({ step: maxSteps });
    const [last] = await run(1, { accumulate: 3, maxSteps: 9 }, { dtype: "float64" });
    expect(farthest(last, whole)).toBeLessThan(1e-10);
    const [tooMany] = await run(7, { maxSteps: 12 }, { dtype: "float64" });
    expect(tooMany?.error).toMatch(/ranks: expected at most 6/);
  }, 120_000);

  test("with the optimiser's state split over ranks everything is the same, and another number of ranks goes on from it", async () => {
    const out = path.join(folder, "whole");
    const [whole] = await run(1, { accumulate: 6, maxSteps: 9 }, { out, dtype: "float64" });
    const split = { accumulate: 3, shardOptimizer: true };
    for (const [count, maxSteps] of [
      [2, 3],
      [3, 6],
      [1, 7],
      [2, 9],
    ] as const) {
      const ended = await run(count, { ...split, maxSteps }, { dtype: "float64" });
      expect(ended[0]).toMatchObject({ step: maxSteps, code: 0 });
      expect(new Set(ended.map(({ digest }) => digest)).size).toBe(1);
    }
    const [last] = await run(1, { ...split, maxSteps: 9 }, { dtype: "float64" });
    expect(farthest(last, whole)).toBeLessThan(1e-10);
  }, 120_000);

  test("a signal to one rank stops all of them after the same step, with one checkpoint", async () => {
    const job = await start(2, { maxSteps: 1e6 }, { pause: 20 });
    await job.reached(3);
    job.ranks[1]?.kill("SIGTERM");
    const [first, second] = await job.ended;
    expect(first).toMatchObject({ code: 0, finished: false });
    expect(second?.step).toBe(first?.step);
    expect(await checkpoints()).toHaveLength(1);
  }, 120_000);

  test.each([0, 1])(
    "rank %i killed at any moment: the other says so and ends, and the run goes on without loss",
    async (victim) => {
      const settings = { maxSteps: 12, checkpointMinutes: 1e-9 };
      const [whole] = await run(1, { ...settings, accumulate: 2 }, { out: path.join(folder, "whole") });
      const job = await start(2, settings, { pause: 30 });
      await job.reached(4);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100));
      job.ranks[victim]?.kill("SIGKILL");
      const survivor = (await job.ended)[1 - victim];
      expect(survivor?.code).toBe(1);
      expect(survivor?.error).toMatch(new RegExp(`rank ${victim} .*does not answer any more`));
      const [resumed] = await run(2, settings);
      expect(resumed).toMatchObject({ code: 0, step: 12, finished: true });
      expect(farthest(resumed, whole)).toBeLessThan(1e-5);
      const position = await readFile(
        path.join(folder, "checkpoints", (await checkpoints()).at(-1) as string),
        "latin1",
      );
      expect(position).toContain("microBatches");
    },
    120_000,
  );
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
  expect(rankPlace({})).toBeUndefined();
  expect(rankPlace({ ...place, RANK: "0", WORLD_SIZE: "1" })).toBeUndefined();
  expect(() => rankPlace({ WORLD_SIZE: "2" })).toThrow("RANK: expected a number, as the other of RANK and WORLD_SIZE");
  expect(() => rankPlace({ ...place, MASTER_PORT: "" })).toThrow(
    "MASTER_PORT: expected where rank 0 of 2 ranks listens",
  );
  expect(() => rankPlace({ ...place, RANK: "one" })).toThrow("RANK: expected a whole number");
});
