// Process groups of real processes on this machine: collectives, gradients summed during backward, and what is said when a rank is gone.
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { availableBackends, initProcessGroup } from "./distributed.js";
import { ProcessGroupError } from "./errors.js";
import * as torch from "./index.js";
import type { Tensor } from "./tensor.js";

const library = new URL("../dist/src/index.js", import.meta.url).href;
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Rank {
  readonly child: ChildProcess;
  /** The exit code, and what it wrote as JSON lines. */
  readonly ended: Promise<{ readonly code: number | null; readonly lines: unknown[]; readonly errors: string }>;
}

/** Starts a process with `torch` and its `group` at hand, that runs `body` and gives results to `say`. */
function startRank(rank: number, size: number, port: number, body: string, timeout = 60): Rank {
  const program = `
    import * as torch from ${JSON.stringify(library)};
    const say = (value) => process.stdout.write(JSON.stringify(value) + "\\n");
    torch.setNumThreads(1);
    const group = await torch.initProcessGroup({ rank: ${rank}, worldSize: ${size}, masterAddr: "127.0.0.1", masterPort: ${port}, timeout: ${timeout} });
    const { rank, size } = group;
    try { ${body} await group.close(); }
    catch (error) { say({ error: error.message, ranks: error.ranks }); await group.fail(error.message); process.exitCode = 1; }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let text = "";
  let errors = "";
  child.stdout.on("data", (data: Buffer) => (text += data.toString()));
  child.stderr.on("data", (data: Buffer) => (errors += data.toString()));
  const ended = new Promise<Awaited<Rank["ended"]>>((resolve) => {
    child.on("close", (code) => {
      const lines = text.split("\n").filter((line) => line !== "");
      resolve({ code, lines: lines.map((line): unknown => JSON.parse(line)), errors });
    });
  });
  return { child, ended };
}

async function runRanks(size: number, body: string): Promise<unknown[][]> {
  const port = await freePort();
  const ranks = Array.from({ length: size }, (_, rank) => startRank(rank, size, port, body));
  const ends = await Promise.all(ranks.map(({ ended }) => ended));
  for (const { code, errors, lines } of ends) expect({ code, errors, lines }).toMatchObject({ code: 0, errors: "" });
  return ends.map(({ lines }) => lines);
}

// A network whose parts differ in what backward does with them: used once, twice, in checkpointed parts, sometimes, never. The ranks are
// given its text, so it uses nothing but its argument.
function newNetwork({ Parameter, randn, checkpoint, manualSeed }: typeof import("./index.js")) {
  manualSeed(1);
  const parameters = Array.from({ length: 5 }, () => new Parameter(randn([6, 6], { dtype: "float64" })));
  const [once, twice, shared, sometimes] = parameters as [Tensor, Tensor, Tensor, Tensor];
  return {
    parameters,
    loss: (stream: number, step: number): Tensor => {
      manualSeed(100 + stream);
      let x = randn([4, 6], { dtype: "float64" });
      x = x.matmul(once).tanh().matmul(twice).tanh().matmul(twice);
      for (let i = 0; i < 2; i++) x = checkpoint((y) => y.matmul(shared).tanh(), [x]);
      if (step === 1 || stream === 6) x = x.matmul(sometimes);
      return x.square().mean();
    },
  };
}
/** Of each step the micro batches of two ranks. */
const steps = [[[0], [1]], [[2, 4], [3, 5]], [[6], [7]], [[8], [9]]]; // prettier-ignore

describe.skipIf(!availableBackends().includes("gloo"))("process groups over Gloo", () => {
  test("where another program listens instead of rank 0, the error says so", async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const place = { masterAddr: "127.0.0.1", masterPort: (server.address() as AddressInfo).port };
    try {
      const joining = initProcessGroup({ rank: 1, worldSize: 2, ...place, timeout: 2 });
      await expect(joining).rejects.toThrow(ProcessGroupError);
      await expect(joining).rejects.toThrow(/rank 0 (did not answer|does not answer any more) at 127\.0\.0\.1:/);
    } finally {
      server.close();
    }
  });

  test("collectives of three ranks give what they promise, and do not hold up JavaScript", async () => {
    const lines = await runRanks(
      3,
      `
      const { tensor } = torch;
      const own = () => tensor([rank + 1, 10 * (rank + 1)]);
      const sum = own(), largest = own(), product = own(), given = own();
      await Promise.all([group.allReduce(sum), group.allReduce(largest, { op: "max" }), group.allReduce(product, { op: "product" })]);
      await group.broadcast(given, { root: 2 });
      const all = await group.allGather(own());
      const part = await group.reduceScatter([tensor([rank]), tensor([1, rank]), tensor([5])]);
      let ticks = 0;
      const timer = setInterval(() => ticks++, 5);
      if (rank === 1) await new Promise((resolve) => setTimeout(resolve, 300));
      await group.barrier();
      clearInterval(timer);
      if (ticks === 0) say("held up");
      say([sum, largest, product, given, ...all, part].map((t) => t.toNumbers()));`,
    );
    const common = [[6, 60], [3, 30], [6, 6000], [3, 30], [1, 10], [2, 20], [3, 30]]; // prettier-ignore
    expect(lines).toEqual([[[...common, [3]]], [[...common, [3, 3]]], [[...common, [15]]]]);
  });

  test("gradients of two ranks are those of one rank with both micro batches, in every step and bucket size", async () => {
    const two = await runRanks(
      2,
      `const newNetwork = ${newNetwork.toString()};
      const steps = ${JSON.stringify(steps)};
      for (const bucketBytes of [1, 600, 2 ** 20]) {
        const { parameters, loss } = newNetwork(torch);
        const sums = group.gradientSums(parameters, { bucketBytes });
        for (const [step, all] of steps.entries()) {
          for (const stream of all[rank]) {
            if (stream === all[rank].at(-1)) sums.start();
            loss(stream, step).backward();
          }
          await sums.finish();
          say(parameters.map((parameter) => parameter.grad?.toNumbers() ?? null));
          for (const parameter of parameters) parameter.grad = undefined;
        }
      }`,
    );
    const { parameters, loss } = newNetwork(torch);
    const one = steps.map((all, step) => {
      for (const stream of all.flat()) loss(stream, step).backward();
      const gradients = parameters.map(({ grad }) => grad?.toNumbers() ?? null);
      for (const parameter of parameters) parameter.grad = undefined;
      return gradients;
    });
    expect(two[0]).toEqual(two[1]);
    const numbers = (lines: unknown): number[] => (lines as number[][][]).flat(2).map(Number);
    const [ours, wanted] = [numbers(two[0]), numbers([...one, ...one, ...one])];
    expect(ours.length).toBe(wanted.length);
    ours.forEach((value, i) => expect(Math.abs(value - (wanted[i] as number))).toBeLessThan(1e-12));
    expect((two[0] as unknown[][])[0]?.slice(3)).toEqual([null, null]);
  });

  test.each([0, 2])("when rank %i is killed, the others say so and end", async (victim) => {
    const port = await freePort();
    const body = `const t = torch.ones([1000]); say("ready"); for (;;) await group.allReduce(t);`;
    const ranks = [0, 1, 2].map((rank) => startRank(rank, 3, port, body));
    const killed = ranks[victim] as Rank;
    killed.child.stdout?.once("data", () => setTimeout(() => killed.child.kill("SIGKILL"), 50));
    for (const [rank, { ended }] of ranks.entries()) {
      if (rank === victim) continue;
      const { code, lines } = await ended;
      expect(code).toBe(1);
      const { error, ranks: named } = lines.at(-1) as { error: string; ranks: number[] };
      expect(error).toMatch(new RegExp(`rank ${victim} .*does not answer any more`));
      expect(named).toEqual([victim]);
    }
  });

  test("a rank that fails tells the others why", async () => {
    const port = await freePort();
    const body = `if (rank === 1) throw new Error("the loss is not a number"); await group.barrier();`;
    const ranks = [0, 1].map((rank) => startRank(rank, 2, port, body));
    const { lines } = await (ranks[0] as Rank).ended;
    expect(lines.at(-1)).toEqual({ error: "rank 1 ended: the loss is not a number", ranks: [1] });
  }, 120_000);

  test("a rank that is stuck is named after the time-out", async () => {
    const port = await freePort();
    const body = `await group.barrier(); if (rank === 1) await new Promise((resolve) => setTimeout(resolve, 12_000)); await group.barrier();`;
    const ranks = [0, 1].map((rank) => startRank(rank, 2, port, body, 5));
    const { lines } = await (ranks[0] as Rank).ended;
    expect((lines.at(-1) as { error: string }).error).toMatch(
      /rank 1 did not come to an exchange that the others wait in/,
    );
  }, 120_000);

  test("ranks that never come are named after the time-out, and so is rank 0", async () => {
    const masterPort = await freePort();
    const join = (rank: number, timeout: number): Promise<unknown> =>
      initProcessGroup({ rank, worldSize: 4, masterAddr: "127.0.0.1", masterPort, timeout }).catch((e: unknown) => e);
    const alone = await join(3, 1);
    expect(alone).toBeInstanceOf(ProcessGroupError);
    expect(String(alone)).toMatch(/rank 0 did not answer at 127\.0\.0\.1:\d+ within 1 s/);
    const [zero, two] = await Promise.all([join(0, 1), join(2, 20)]);
    expect(String(zero)).toMatch(/ranks 1, 3 of 4 did not come to 127\.0\.0\.1:\d+ within 1 s; start them/);
    expect(String(two)).toContain("ranks 1, 3 of 4 did not come");
  }, 120_000);
});

test("impossible places are refused", async () => {
  const join = (options: object): Promise<unknown> =>
    initProcessGroup({ rank: 0, worldSize: 2, masterAddr: "127.0.0.1", masterPort: 1, ...options });
  await expect(join({ rank: 2 })).rejects.toThrow("rank: expected 0 to 1, received 2");
  await expect(join({ worldSize: 0 })).rejects.toThrow("worldSize: expected");
  await expect(join({ masterPort: 0 })).rejects.toThrow("masterPort: expected");
  if (!availableBackends().includes("nccl"))
    await expect(join({ backend: "nccl" })).rejects.toThrow("this libtorch has no nccl");
});
