// Kills ranks of a training run at random moments, again and again, and looks at what the others say and whether the run goes on without
// loss: it must end with the losses, step by step, and the weights of one that nobody killed.
// Usage: npx tsc -p benchmarks && node benchmarks/dist/kill-ranks.js [--kills 20] [--ranks 2 --ranks 3] [--seed 1] [--out FILE]
// `--ranks` given more than once: job after job goes on with the next number of ranks; results are then equal to rounding, not to the bit.
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { circumstances, describeCircumstances } from "@vid2world/cli/bench/circumstances";
import { repositoryRoot } from "@vid2world/cli/bench/repository";
import { writeFileAtomically } from "@vid2world/formats";
import { alignedLines } from "@vid2world/formats/text-table";
import { libtorchVersion } from "@vid2world/torch";
import { freePort } from "@vid2world/torch/free-port";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    ranks: { type: "string", multiple: true, default: ["2"] },
    seed: { type: "string", default: "1" },
    /** Seconds within which the kill comes: of every fifth after the job's start, of the others after its first step. */
    window: { type: "string", default: "3" },
    out: { type: "string", default: "benchmarks/results/kill-ranks.json" },
  },
});
const rankCounts = values.ranks.map(Number);
const MICRO_BATCHES = rankCounts.reduce((product, count) => product * count, 1);
const RANK_TIMEOUT = 20;
const main = path.join(repositoryRoot(), "packages/cli/dist/src/main.js");

/** Uniform numbers in [0, 1): mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface RankEnd {
  readonly code: number | null;
  readonly text: string;
}

interface Job {
  readonly processes: readonly ChildProcess[];
  readonly ended: Promise<RankEnd[]>;
}

/** Starts every rank of a job, as a launcher would. */
async function start(folder: string, count: number, steps: number): Promise<Job> {
  const port = await freePort();
  const set = [
    ...["batchSize=1", `accumulate=${MICRO_BATCHES / count}`, "checkpointSteps=3", "keepCheckpoints=2"],
    ...["instability.policy=skip", "saveBeside=true"],
  ].flatMap((setting) => ["--set", `training.${setting}`]);
  const config = path.join(repositoryRoot(), "configs/debug.yaml");
  const words = ["train", config, "--out", folder, "--resume", "--max-steps", String(steps), ...set];
  const processes = Array.from({ length: count }, (_, rank) => {
    const place = {
      ...{ RANK: String(rank), WORLD_SIZE: String(count) },
      ...{ MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(port) },
    };
    return spawn(process.execPath, [main, ...words, "--rank-timeout", String(RANK_TIMEOUT)], {
      env: { ...process.env, OMP_NUM_THREADS: "1", ...(count > 1 && place) },
      stdio: ["ignore", "ignore", "pipe"],
    });
  });
  const ended = processes.map(async (child): Promise<RankEnd> => {
    let text = "";
    child.stderr?.on("data", (data: Buffer) => (text += data.toString()));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, text };
  });
  return { processes, ended: Promise.all(ended) };
}

interface Line {
  readonly type: string;
  readonly step?: number;
  readonly loss?: number;
}

async function linesOf(folder: string): Promise<Line[]> {
  const text = await readFile(path.join(folder, "metrics.jsonl"), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));
}

/** Every value that was reported as a step's loss, by step. */
function lossesOf(lines: readonly Line[]): Map<number, number[]> {
  const losses = new Map<number, number[]>();
  for (const { type, step = 0, loss = NaN } of lines)
    if (type === "progress") losses.set(step, [...(losses.get(step) ?? []), loss]);
  return losses;
}

const newestStep = (lines: readonly Line[]): number =>
  Math.max(0, ...lines.map(({ type, step = 0 }) => (type === "progress" ? step : 0)));
const lastSaved = async (folder: string): Promise<number> => {
  const names = await readdir(path.join(folder, "checkpoints")).catch(() => []);
  return Math.max(0, ...names.map((name) => Number(/^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? 0)));
};

async function digest(folder: string): Promise<string> {
  const world = path.join(folder, "world");
  const names = (await readdir(world)).filter((name) => name.endsWith(".safetensors")).sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(await readFile(path.join(world, name)));
  return hash.digest("hex");
}

interface Kill {
  readonly ranks: number;
  readonly victim: number;
  /** Seconds after the job's start or its first step. */
  readonly after: number;
  readonly during: "start" | "steps";
  /** Steps done when the kill came, and the newest checkpoint that was left. */
  readonly step: number;
  readonly saved: number;
  /** Whether every other rank ended with code 1 and named the missing one. */
  readonly named: boolean;
  /** Seconds from the kill to the end of the last process. */
  readonly seconds: number;
  readonly message: string;
}

/** Resolves when the job has done a step, or has ended. */
async function firstStep(job: Job, folder: string, linesBefore: number): Promise<void> {
  const steps = async (): Promise<boolean> =>
    (await linesOf(folder)).slice(linesBefore).some(({ type }) => type === "progress");
  while (job.processes[0]?.exitCode === null && !(await steps())) await sleep(50);
}

async function killOnce(folder: string, count: number, atStart: boolean, draw: () => number): Promise<Kill> {
  const victim = Math.floor(draw() * count);
  const after = draw() * Number(values.window);
  const before = newestStep(await linesOf(folder));
  const linesBefore = (await linesOf(folder)).length;
  const job = await start(folder, count, 1_000_000);
  if (!atStart) await firstStep(job, folder, linesBefore);
  await sleep(after * 1000);
  job.processes[victim]?.kill("SIGKILL");
  const killed = performance.now();
  const ended = await job.ended;
  const seconds = (performance.now() - killed) / 1000;
  const lines = await linesOf(folder);
  const stepped = lines.slice(linesBefore).some(({ type }) => type === "progress");
  const survivors = ended.filter((_, rank) => rank !== victim);
  const naming = new RegExp(`rank ${victim}\\b.*(does not answer any more|did not come|did not answer)`);
  const message = survivors.map(({ text }) => text.trim().split("\n").at(-1) ?? "").join(" | ");
  return {
    ...{ ranks: count, victim, after, during: stepped ? "steps" : "start" },
    step: Math.max(before, newestStep(lines)),
    saved: await lastSaved(folder),
    named: survivors.every(({ code, text }) => code === 1 && naming.test(text)),
    ...{ seconds, message },
  };
}

const root = await mkdtemp(path.join(tmpdir(), "kill-ranks-"));
try {
  const draw = random(Number(values.seed));
  const folder = path.join(root, "killed");
  const kills: Kill[] = [];
  for (let i = 0; i < Number(values.kills); i++) {
    const kill = await killOnce(folder, rankCounts[i % rankCounts.length] as number, i % 5 === 0, draw);
    kills.push(kill);
    process.stderr.write(
      `kill ${i + 1}: rank ${kill.victim} of ${kill.ranks} (${kill.during}, step ${kill.step}); ` +
        `${kill.named ? "named" : `NOT NAMED: ${kill.message}`}, all ended ${kill.seconds.toFixed(1)} s later; checkpoint ${kill.saved}\n`,
    );
  }
  const steps = newestStep(await linesOf(folder)) + 3;
  const count = rankCounts[0] as number;
  const [finish] = await (await start(folder, count, steps)).ended;
  if (finish?.code !== 0) throw new Error(`the run did not go on after the last kill:\n${finish?.text ?? ""}`);
  const whole = path.join(root, "whole");
  const [reference] = await (await start(whole, count, steps)).ended;
  if (reference?.code !== 0) throw new Error(`the undisturbed run failed:\n${reference?.text ?? ""}`);

  const expected = lossesOf(await linesOf(whole));
  const found = lossesOf(await linesOf(folder));
  const differences = [...expected].map(([step, [loss = NaN]]) =>
    Math.max(...(found.get(step) ?? [NaN]).map((other) => Math.abs(other - loss) / Math.abs(loss))),
  );
  const longestEnd = (during: Kill["during"]): number =>
    Math.max(0, ...kills.filter((kill) => kill.during === during).map(({ seconds }) => seconds));
  const result = {
    ...circumstances(1, { libtorch: libtorchVersion }),
    ...{ rankCounts, kills },
    named: kills.filter(({ named }) => named).length,
    steps,
    /** Steps that were done again, over all kills. */
    repeated: [...found.values()].reduce((sum, all) => sum + all.length - 1, 0),
    longestEnd: { start: longestEnd("start"), steps: longestEnd("steps") },
    /** Of any step, also those that were done more than once, relative to the undisturbed run's. */
    largestLossDifference: Math.max(...differences),
    equalWeights: (await digest(folder)) === (await digest(whole)),
  };
  await writeFileAtomically(values.out, `${JSON.stringify(result, null, 2)}\n`);
  const during = (what: Kill["during"]): number => kills.filter((kill) => kill.during === what).length;
  console.log(describeCircumstances(result));
  console.log(
    alignedLines([
      ["kills", `${kills.length} (${during("start")} while starting, ${during("steps")} during steps)`],
      ["survivors ended with code 1 and named the rank", `${result.named} of ${kills.length}`],
      ["slowest end after a kill during steps", `${result.longestEnd.steps.toFixed(1)} s`],
      [`... while starting (--rank-timeout ${RANK_TIMEOUT})`, `${result.longestEnd.start.toFixed(1)} s`],
      ["steps of the run, done again", `${steps}, ${result.repeated}`],
      ["largest relative difference of a step's loss", String(result.largestLossDifference)],
      ["weights equal to the undisturbed run's bit for bit", String(result.equalWeights)],
    ]).join("\n"),
  );
  // Adding gradients in another order rounds differently, and steps amplify that; a lost or repeated update would be far above it.
  const allowed = rankCounts.length === 1 ? 0 : 0.01;
  const sound = result.named === kills.length && result.largestLossDifference <= allowed;
  if (!sound || (rankCounts.length === 1 && !result.equalWeights)) process.exitCode = 1;
} finally {
  await rm(root, { recursive: true, force: true });
}
