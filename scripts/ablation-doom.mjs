// The ablation study at small scale, by one command: half-size recordings, an autoencoder, a base video model without actions, then every
// variant of configs/doom-ablation/world-*.yaml for each seed, each evaluated on the held-out recordings; at the end the table and plot.
// Ctrl-C (or SIGTERM) saves what is in progress; the same command goes on there and skips what is finished.
// Usage: node scripts/ablation-doom.mjs [--out runs/doom-ablation] [--seeds 2] [--core 0] [--configs configs/doom-ablation]
//        [--recordings recordings/doom-e1m2] [--starts 24] [--results FILE.json] [--plot FILE.svg] [--only-collect] [--priority 5]
// Everything runs on one CPU thread, at low priority (--priority: 5; 0 is the ordinary one). --core pins it to a core (Linux), so that nothing else is disturbed.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { setPriority } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parse } from "yaml";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/doom-ablation" },
    configs: { type: "string", default: "configs/doom-ablation" },
    recordings: { type: "string", default: "recordings/doom-e1m2" },
    seeds: { type: "string", default: "2" },
    starts: { type: "string", default: "24" },
    core: { type: "string" },
    results: { type: "string", default: "benchmarks/results/ablation-doom.json" },
    plot: { type: "string", default: "docs/ablation.svg" },
    priority: { type: "string", default: "5" },
    "only-collect": { type: "boolean", default: false },
  },
});
const { out, configs } = values;
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1);
const variants = readdirSync(configs)
  .flatMap((file) => /^world-(.+)\.yaml$/.exec(file)?.[1] ?? [])
  .sort();

/** Roughly what an evaluation costs, in training steps: only for the estimate of the time left, until one was timed. */
const EVALUATION_STEPS = 200;
const POLL_MILLISECONDS = 5000;
/** Where nobody watches, a log gets a line of progress this often. */
const LOG_MILLISECONDS = 120_000;

const shared = ["--set", `data.recordings=${out}/recordings`];
const latents = [...shared, "--set", `latents.autoencoder=${out}/autoencoder`, "--set", `latents.cache=${out}/latents`];
const stages = [
  {
    name: "recordings",
    command: ["scripts/halve-recording.mjs", values.recordings, `${out}/recordings`],
    work: 0,
  },
  training("autoencoder", "autoencoder", shared),
  training("base", "base", latents),
  // One step too small to change anything, for the validation loss that a world begins with.
  ...variants.map((variant) => {
    const still = ["training.maxSteps=1", "training.learningRate=1e-12", "training.emaDecay=0"];
    const settings = [...worldSettings(variant, 1), ...still.flatMap((setting) => ["--set", setting])];
    return { ...training(`${variant}-start`, `world-${variant}`, settings), work: 1 };
  }),
  ...seeds.flatMap((seed) =>
    variants.flatMap((variant) => {
      const name = `${variant}-${seed}`;
      return [training(name, `world-${variant}`, worldSettings(variant, seed)), evaluation(name)];
    }),
  ),
];

setPriority(Number(values.priority));
await mkdir(out, { recursive: true });
await writeOrigin(join(out, "origin.json"));
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stopping.abort());
/** Seconds that work took in this call, by kind: what the time left is estimated from. */
const spent = new Map();
let shown = 0;
await runNode(["node_modules/typescript/bin/tsc", "-p", "benchmarks", "--incremental"]);
if (!values["only-collect"]) for (const stage of stages) await runStage(stage);
await runNode([
  "benchmarks/dist/collect-ablation.js",
  ...["--runs", out, "--results", values.results, "--plot", values.plot],
]);

function configOf(name) {
  return parse(readFileSync(join(configs, `${name}.yaml`), "utf8"));
}

function worldSettings(variant, seed) {
  const from = configOf(`world-${variant}`).initialise ? ["--set", `initialise.from=${out}/base`] : [];
  return [...latents, ...from, "--set", `training.seed=${seed}`];
}

/** What the study was begun with; kept when it goes on. */
async function writeOrigin(file) {
  if (existsSync(file)) return;
  const git = (...words) => {
    try {
      return execFileSync("git", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      return "unknown";
    }
  };
  const origin = {
    date: new Date().toISOString(),
    command: ["node", "scripts/ablation-doom.mjs", ...process.argv.slice(2)].join(" "),
    commit: git("rev-parse", "HEAD"),
    uncommittedChanges: git("status", "--porcelain") !== "",
    node: process.version,
  };
  await writeFile(file, `${JSON.stringify(origin)}\n`);
}

/** A `vid2world train` in `out`/NAME. */
function training(name, config, settings) {
  const command = ["packages/cli/dist/src/main.js", "train", join(configs, `${config}.yaml`)];
  return {
    name,
    command: [...command, "--out", join(out, name), "--resume", ...settings],
    work: configOf(config).training.maxSteps,
    kind: name === "autoencoder" ? "picture steps" : "steps",
    doneSteps: () => lastStep(join(out, name, "metrics.jsonl")),
  };
}

function evaluation(name) {
  const file = join(out, name, "evaluation.json");
  const command = ["benchmarks/dist/evaluate-ablation.js", join(out, name, "world"), "--out", file];
  return {
    name: `${name} evaluation`,
    command: [...command, "--recordings", `${out}/recordings`, "--starts", values.starts],
    work: EVALUATION_STEPS,
    kind: "evaluations",
  };
}

/** Runs a stage unless its marker says that it has ended; the marker holds what it cost. */
async function runStage(stage) {
  const marker = markerOf(stage);
  const number = `${stages.indexOf(stage) + 1}/${stages.length}`;
  if (existsSync(marker)) return say(`${number} ${stage.name}: finished before`);
  if (stage.name === "recordings") await rm(`${out}/recordings`, { recursive: true, force: true });
  const began = performance.now();
  const before = stage.doneSteps?.() ?? 0;
  const timer = setInterval(() => showProgress(number, stage, began, before), POLL_MILLISECONDS);
  try {
    const cpuSeconds = await runNode(stage.command, join(out, `${stage.name.replace(" ", "-")}.log`));
    await mkdir(dirname(marker), { recursive: true });
    const seconds = (performance.now() - began) / 1000;
    await writeFile(`${marker}.tmp`, `${JSON.stringify({ seconds, cpuSeconds })}\n`);
    await rename(`${marker}.tmp`, marker);
    note(stage.kind, seconds, stage.work - before);
    say(`${number} ${stage.name}: done in ${minutes(seconds)}`);
  } finally {
    clearInterval(timer);
  }
}

function markerOf({ name }) {
  return join(out, "finished", `${name.replace(" ", "-")}.json`);
}

/** One line, overwritten in a terminal: the stage, its own progress, and the time left of the whole study. */
function showProgress(number, stage, began, before) {
  const seconds = (performance.now() - began) / 1000;
  const done = stage.doneSteps?.() ?? 0;
  const rates = new Map(spent);
  if (done > before) rates.set(stage.kind, plus(rates.get(stage.kind), seconds, done - before));
  const perStep = (kind) => {
    const found = rates.get(kind) ?? rates.get("steps");
    return found === undefined ? undefined : found.seconds / found.work;
  };
  const left = stages
    .filter((other) => !existsSync(markerOf(other)))
    .map((other) => (perStep(other.kind) ?? NaN) * (other.work - (other.doneSteps?.() ?? 0)))
    .reduce((sum, value) => sum + value, 0);
  const own = stage.doneSteps ? `step ${done}/${stage.work}` : minutes(seconds);
  say(`${number} ${stage.name}: ${own}${Number.isFinite(left) ? `, about ${minutes(left)} left in all` : ""}`, true);
}

function note(kind, seconds, work) {
  spent.set(kind, plus(spent.get(kind), seconds, work));
}

function plus(before = { seconds: 0, work: 0 }, seconds, work) {
  return { seconds: before.seconds + seconds, work: before.work + work };
}

/** Steps that a run's log of metrics has reached: its newest line that names one. */
function lastStep(file) {
  if (!existsSync(file)) return 0;
  const steps = readFileSync(file, "utf8").match(/"step":\d+/g);
  return Number(steps?.at(-1)?.slice('"step":'.length) ?? 0);
}

/** Runs node with `words` in a process group of its own; its output goes to `log`, or here. -> CPU seconds */
async function runNode(words, log) {
  const pinned = values.core === undefined ? [] : ["taskset", "-c", values.core];
  const line = [...pinned, process.execPath, ...words];
  const redirect = log === undefined ? "" : ` >>"${log}" 2>&1`;
  // The shell's own `time` counts the CPU time; it waits for the child when both are told to stop.
  const script = `trap : INT TERM; TIMEFORMAT="%U %S"; { time "$@"${redirect}; } 2>&3`;
  const child = spawn("bash", ["-c", script, "bash", ...line], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: "1", OMP_WAIT_POLICY: "PASSIVE" },
    detached: true,
  });
  const stop = () => process.kill(-child.pid, "SIGTERM");
  stopping.signal.addEventListener("abort", stop);
  let times = "";
  child.stdio[3].on("data", (text) => (times += text));
  const code = await new Promise((resolve) => child.on("close", resolve));
  stopping.signal.removeEventListener("abort", stop);
  if (stopping.signal.aborted) {
    say("stopped; the same command goes on here");
    process.exit(130);
  }
  if (code !== 0) {
    say(`failed (${code}): ${words.join(" ")}${log === undefined ? "" : `; see ${log}`}`);
    process.exit(1);
  }
  const [user = 0, system = 0] = times.trim().split("\n").at(-1).split(" ").map(Number);
  return user + system;
}

function minutes(seconds) {
  return `${(seconds / 60).toFixed(1)} min`;
}

/** `temporary` lines are overwritten by the next one in a terminal, and thinned out in a log. */
function say(text, temporary = false) {
  if (process.stdout.isTTY) return process.stdout.write(`\r\x1b[K${text}${temporary ? "" : "\n"}`);
  if (temporary && performance.now() - shown < LOG_MILLISECONDS) return;
  shown = performance.now();
  console.log(`${new Date().toISOString()} ${text}`);
}
