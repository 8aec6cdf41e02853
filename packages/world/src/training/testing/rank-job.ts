// Jobs of several ranks for tests: each rank is a process that trains two layers with dropout on noise, as a launcher would start it.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "@vid2world/torch/free-port";
import { afterEach, beforeEach } from "vitest";

const library = (name: string): string =>
  JSON.stringify(new URL(`../../../dist/src/training/${name}.js`, import.meta.url));

/** What a rank runs; `losses` are those of every step, `weights` the bytes of all it ends with. */
const program = `
  import { createHash } from "node:crypto";
  import { Dropout, Linear, Module, Parameter, manualSeed, randn, setNumThreads, zeros } from ${JSON.stringify(import.meta.resolve("@vid2world/torch"))};
  import { joinRanks, rankPlace } from ${library("process-ranks")};
  import { trainingSchema } from ${library("settings")};
  import { train } from ${library("trainer")};
  setNumThreads(1);
  const { folder, dtype, settings, pause, bad, ballast } = JSON.parse(process.argv[2]);
  class Net extends Module {
    first = new Linear(6, 8); second = new Linear(8, 3); dropout = new Dropout(0.2);
    ballast = new Parameter(zeros([ballast]));
    forward(x) { return this.second.forward(this.dropout.forward(this.first.forward(x).tanh())); }
  }
  manualSeed(Number(process.env.RANK ?? 0) + 5); // different first weights: those of rank 0 count
  const module = new Net().to(dtype);
  module.ballast.requiresGrad_(false);
  const objective = {
    module,
    next: () => new Promise((resolve) => setTimeout(resolve, pause)),
    losses(draw) {
      const x = randn([4, 6], { dtype }).add(draw.below(3));
      return { total: module.forward(x).square().mean().mul(draw.below(1000) < 1000 * bad ? NaN : 1) };
    },
    samples: (draw) => ["noise " + draw.below(3)],
  };
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  const place = rankPlace(process.env);
  const ranks = place && await joinRanks({ ...place, timeout: 30 }, "cpu");
  const losses = [];
  let leftOut = 0;
  const onEvent = (event) => {
    if (event.type === "unstable") leftOut++;
    if (event.type !== "progress") return;
    losses.push(event.metrics.loss);
    if (place === undefined || place.rank === 0) process.stderr.write("step " + event.step + "\\n");
  };
  try {
    const result = await train(objective, trainingSchema.parse(settings), { folder, resume: true, signal: stop.signal, onEvent, ranks });
    await ranks?.close();
    const bytes = createHash("sha256");
    for (const value of module.stateDict().values()) bytes.update(value.toBytes());
    const weights = [...module.stateDict()].flatMap(([name, value]) => name === "ballast" ? [] : value.toNumbers());
    console.log(JSON.stringify({ ...result, losses, leftOut, weights, digest: bytes.digest("hex") }));
  } catch (error) {
    await ranks?.fail(error.message);
    console.log(JSON.stringify({ error: error.message }));
    process.exitCode = 1;
  }`;

/** How a rank ended. */
export interface EndedRank {
  readonly code: number | null;
  readonly step: number;
  readonly finished: boolean;
  readonly losses: number[];
  /** Steps that were left out as not finite. */
  readonly leftOut: number;
  readonly weights: number[];
  readonly digest: string;
  readonly error?: string;
}

/** Ranks that run. */
export interface RankJob {
  readonly ranks: readonly ChildProcess[];
  readonly ended: Promise<EndedRank[]>;
  /** Resolves when rank 0 has done that many steps. */
  reached(step: number): Promise<void>;
}

/** What a job can be told besides its training settings. */
export interface RankJobOptions {
  /** Folder of the run; default: the test's. */
  readonly out?: string;
  readonly dtype?: "float32" | "float64";
  /** Milliseconds that reading a micro batch takes. */
  readonly pause?: number;
  /** Share of the micro batches whose loss is NaN. */
  readonly bad?: number;
  /** Numbers in a parameter that does nothing but make checkpoints larger. */
  readonly ballast?: number;
}

/** Jobs in a folder of each test's own, killed and deleted after it. */
export function rankJobs() {
  let folder = "";
  const children = new Set<ChildProcess>();
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "ranks-"));
    await writeFile(path.join(folder, "rank.mjs"), program);
  });
  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  const start = async (count: number, more: object = {}, options: RankJobOptions = {}): Promise<RankJob> => {
    const { out = folder, dtype = "float32", pause = 0, bad = 0, ballast = 1 } = options;
    const settings = { batchSize: 4, learningRate: 0.01, maxSteps: 8, emaDecay: 0.9, logEvery: 1, ...more };
    const argument = JSON.stringify({ folder: out, dtype, settings, pause, bad, ballast });
    const port = String(await freePort());
    const ranks = Array.from({ length: count }, (_, rank) => {
      const place = { RANK: String(rank), WORLD_SIZE: String(count), MASTER_ADDR: "127.0.0.1", MASTER_PORT: port };
      const env = { ...process.env, OMP_NUM_THREADS: "1", ...(count > 1 && place) };
      const words = [path.join(folder, "rank.mjs"), argument];
      return spawn(process.execPath, words, { env, stdio: ["ignore", "pipe", "pipe"] });
    });
    let progress = "";
    ranks[0]?.stderr.on("data", (data: Buffer) => (progress += data.toString()));
    const ended = ranks.map(async (child): Promise<EndedRank> => {
      children.add(child);
      let text = "";
      child.stdout.on("data", (data: Buffer) => (text += data.toString()));
      const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
      children.delete(child);
      return { code, ...(JSON.parse(text || "{}") as Omit<EndedRank, "code">) };
    });
    return {
      ranks,
      ended: Promise.all(ended),
      async reached(step) {
        while (!progress.includes(`step ${step}\n`) && ranks[0]?.exitCode === null)
          await new Promise((resolve) => setTimeout(resolve, 10));
      },
    };
  };
  return {
    /** Starts a job of so many ranks; `more` are training settings. */
    start,
    run: async (...args: Parameters<typeof start>): Promise<EndedRank[]> => (await start(...args)).ended,
    /** A path in the test's folder. */
    at: (...names: string[]): string => path.join(folder, ...names),
    /** Names of the files in a run's folder of checkpoints. */
    checkpoints: (out = folder): Promise<string[]> => readdir(path.join(out, "checkpoints")),
  };
}

/** The largest difference between two weights. */
export const farthest = (a: EndedRank | undefined, b: EndedRank | undefined): number =>
  Math.max(...(a?.weights ?? [NaN]).map((value, i) => Math.abs(value - (b?.weights[i] ?? NaN))));
