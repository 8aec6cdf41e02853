// What fine-tuning from `window` to `causal` statistics costs or gains: a world trained with the published normalisation is trained on for
// equal budgets with either, and both are measured on the same held-out starts with the same noise, as is the world before.
// Runs that are finished are not trained again. Writes benchmarks/results/window-to-causal.json and prints a table.
// Usage: npx tsc -p benchmarks && node benchmarks/dist/window-to-causal.js --from RUN --autoencoder RUN --latents DIR
//        [--runs runs/window-to-causal] [--steps 200] [--seeds 2] [--starts 32] [--frames 8] [--threads 1] [--out FILE]
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { circumstances } from "@vid2world/cli/bench/circumstances";
import { writeFileAtomically } from "@vid2world/formats";
import { libtorchVersion, setNumThreads } from "@vid2world/torch";
import { loadWorld, type WorldModel } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { evaluateWorld } from "@vid2world/world/evaluation/evaluate-world";
import { readHeldOutClips } from "@vid2world/world/evaluation/held-out";
import { average } from "@vid2world/world/evaluation/metrics/average";
import { type HorizonScores, scoreHorizons } from "@vid2world/world/evaluation/metrics/horizon";
import { chooseStarts, usualSkip } from "@vid2world/world/evaluation/starts";
import { comparePaired, meanInterval } from "@vid2world/world/evaluation/statistics/bootstrap";
import { pValueText } from "@vid2world/world/evaluation/statistics/finding";

const { values } = parseArgs({
  options: {
    from: { type: "string" },
    autoencoder: { type: "string" },
    latents: { type: "string" },
    runs: { type: "string", default: "runs/window-to-causal" },
    recordings: { type: "string", default: "recordings/doom-e1m2" },
    steps: { type: "string", default: "200" },
    seeds: { type: "string", default: "2" },
    starts: { type: "string", default: "32" },
    frames: { type: "string", default: "8" },
    threads: { type: "string", default: "1" },
    out: { type: "string", default: "benchmarks/results/window-to-causal.json" },
  },
});
const { from, autoencoder, latents, runs } = values;
if (from === undefined || autoencoder === undefined || latents === undefined)
  throw new Error("usage: window-to-causal.js --from RUN --autoencoder RUN --latents DIR");
setNumThreads(Number(values.threads));

type Statistics = "window" | "causal";
type Evaluation = "window" | "streaming";

/** One row of the table: a trained world, and how its rollouts are evaluated. */
interface Row {
  readonly training: string;
  readonly statistics: Statistics;
  readonly evaluation: Evaluation;
  readonly folders: readonly string[];
}

const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1);
for (const seed of seeds) for (const statistics of ["window", "causal"] as const) train(statistics, seed);

const untrained = join(runs, "switched-only");
await switchStatistics(join(from, "world"), untrained);
const trained = (statistics: Statistics): string[] => seeds.map((seed) => join(runs, `${statistics}-${seed}`, "world"));
const more = `${values.steps} more steps`;
const rows: readonly Row[] = [
  { training: "none", statistics: "window", evaluation: "window", folders: [join(from, "world")] },
  { training: "none", statistics: "window", evaluation: "streaming", folders: [join(from, "world")] },
  { training: "none", statistics: "causal", evaluation: "streaming", folders: [untrained] },
  { training: more, statistics: "window", evaluation: "window", folders: trained("window") },
  { training: more, statistics: "window", evaluation: "streaming", folders: trained("window") },
  { training: more, statistics: "causal", evaluation: "window", folders: trained("causal") },
  { training: more, statistics: "causal", evaluation: "streaming", folders: trained("causal") },
];
const measured = [];
for (const row of rows) {
  const seedsOfRow = [];
  for (const folder of row.folders) seedsOfRow.push(await measure(folder, row.evaluation));
  measured.push({ row, seeds: seedsOfRow });
}

/** The best that the published normalisation can do: trained on, and evaluated as it was trained. */
const yardstick = measured[3] as (typeof measured)[number];
const perStart = (seedsOfRow: readonly { readonly psnrByStart: readonly number[] }[]): number[] =>
  (seedsOfRow[0]?.psnrByStart ?? []).map((_, start) =>
    average(seedsOfRow.map((seed) => seed.psnrByStart[start] as number)),
  );
const results = measured.map(({ row, seeds: of }) => ({
  ...row,
  psnr: meanInterval(perStart(of)),
  ssim: average(of.map(({ scores }) => scores.ssimMean)),
  actionGain: average(of.map(({ scores, shuffled }) => scores.psnrMean - shuffled.psnrMean)),
  cpuSecondsPerFrame: average(of.map(({ cpuSecondsPerFrame }) => cpuSecondsPerFrame)),
  againstYardstick: comparePaired(perStart(of), perStart(yardstick.seeds)),
  psnrBySeed: of.map(({ scores }) => scores.psnrMean),
}));
const report = {
  what: "fine-tuning from window to causal statistics, equal budgets",
  command: `node benchmarks/dist/window-to-causal.js ${process.argv.slice(2).join(" ")}`,
  ...circumstances(Number(values.threads), { libtorch: libtorchVersion }),
  ...{ steps: Number(values.steps), seeds: seeds.length, starts: Number(values.starts), frames: Number(values.frames) },
  results,
};
await writeFileAtomically(values.out, `${JSON.stringify(report, undefined, 2)}\n`);
console.log(
  "| trained on | statistics | evaluation | PSNR, dB | SSIM | true over shuffled actions, dB | against window, dB | chance | CPU s a frame |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
for (const {
  training,
  statistics,
  evaluation,
  psnr,
  ssim,
  actionGain,
  againstYardstick,
  cpuSecondsPerFrame,
} of results) {
  const { difference, pValue } = againstYardstick;
  const [value, low, high] = [difference.value, difference.low, difference.high].map((x) => x.toFixed(2));
  const cells = [training, statistics, evaluation, psnr.value.toFixed(2), ssim.toFixed(3), actionGain.toFixed(2)];
  console.log(
    `| ${[...cells, `${value} [${low}, ${high}]`, pValueText(pValue), cpuSecondsPerFrame.toFixed(2)].join(" | ")} |`,
  );
}

/** `configs/doom/rollout.yaml` for `--steps`, with the given statistics; goes on where it was stopped. */
function train(statistics: Statistics, seed: number): void {
  const folder = join(runs, `${statistics}-${seed}`);
  if (existsSync(join(folder, "world", "world.json"))) return;
  const settings = {
    "data.recordings": values.recordings,
    "initialise.from": from,
    "latents.autoencoder": autoencoder,
    "latents.cache": latents,
    "model.temporalNorm": statistics,
    "sampler.evaluation": statistics === "causal" ? "streaming" : "window",
    "training.seed": seed,
    "training.maxSteps": values.steps,
    "training.threads": values.threads,
    "validation.every": 1_000_000,
  };
  const set = Object.entries(settings).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  const words = ["train", "configs/doom/rollout.yaml", "--out", folder, "--resume", "--max-minutes", "600", ...set];
  const { status } = spawnSync("./vid2world", words, { stdio: "inherit" });
  if (status !== 0) throw new Error(`training ${folder} ended with status ${status}; the same command goes on there`);
}

/** The same weights with the other statistics: what the switch costs before any training. */
async function switchStatistics(world: string, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const file = "world.json";
  const config = JSON.parse(await readFile(join(world, file), "utf8")) as { unet: object };
  await cp(world, folder, { recursive: true });
  const switched = { ...config, unet: { ...config.unet, temporalNorm: "causal" } };
  await writeFileAtomically(join(folder, file), `${JSON.stringify(switched, undefined, 2)}\n`);
}

/** Rollouts from the held-out starts: scores under true and shuffled actions, and what a frame costs. */
async function measure(
  folder: string,
  evaluation: Evaluation,
): Promise<{ scores: HorizonScores; shuffled: HorizonScores; psnrByStart: number[]; cpuSecondsPerFrame: number }> {
  const world = await loadWorld(folder, { sampler: { evaluation } });
  const recording = await openRecording(values.recordings);
  const starts = chooseStarts(await readHeldOutClips(recording, world), {
    count: Number(values.starts),
    contextFrames: world.contextFrames,
    frames: Number(values.frames),
    ...{ seed: 0, skip: usualSkip },
  });
  const before = process.cpuUsage();
  // One rollout at a time, as one player is served.
  const options = { seed: 0, batch: 1, frames: Number(values.frames) };
  const { report, predictions } = await evaluateWorld(world, starts, options);
  const { user, system } = process.cpuUsage(before);
  return {
    scores: report.model,
    shuffled: report.shuffledActions,
    psnrByStart: psnrOf(
      world,
      predictions,
      starts.map(({ truth_THWC }) => truth_THWC),
    ),
    cpuSecondsPerFrame: (user + system) / 1e6 / (2 * starts.length * Number(values.frames)),
  };
}

function psnrOf(size: WorldModel, predictions: readonly Uint8Array[], truth: readonly Uint8Array[]): number[] {
  return predictions.map((clip, n) => scoreHorizons([clip], [truth[n] as Uint8Array], size).psnrMean);
}
