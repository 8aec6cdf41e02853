// Measures the built-in world on held-out recordings: PSNR against both baselines over the first 8 predicted frames, and how it obeys
// turns, for several seeds. Writes benchmarks/results/doom-evaluation.json.
// Usage: npx tsc -p benchmarks && node benchmarks/dist/evaluate-doom.js [WORLD] [--starts 64] [--seeds 3] [--steps S] [--threads 1] [--out FILE]
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomically } from "@vid2world/formats";
import { getNumThreads, libtorchVersion, setNumThreads } from "@vid2world/torch";
import { findWorld, loadWorld } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { evaluateWorld, type EvaluationReport } from "@vid2world/world/evaluation/evaluate-world";
import { readHeldOutClips } from "@vid2world/world/evaluation/held-out";
import { average } from "@vid2world/world/evaluation/metrics/average";
import { measureObedience } from "@vid2world/world/evaluation/obedience/turns";
import { turnActions } from "@vid2world/world/evaluation/obedience/probe-actions";
import { scoreTable } from "@vid2world/world/evaluation/report/score-table";
import { chooseStarts, usualSkip } from "@vid2world/world/evaluation/starts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    starts: { type: "string", default: "64" },
    seeds: { type: "string", default: "3" },
    batch: { type: "string", default: "16" },
    steps: { type: "string" },
    threads: { type: "string", default: "1" },
    recordings: { type: "string" },
    out: { type: "string", default: "benchmarks/results/doom-evaluation.json" },
  },
});
/** The first 8 predicted frames count; turns are held for 5, which gives 4 pairs of frames per start and direction. */
const [scoredFrames, turnedFrames] = [8, 5];
/** The recordings' horizontal field of view, degrees. */
const fieldOfView = 90;

setNumThreads(Number(values.threads));
const name = positionals[0] ?? "doom";
const world = await loadWorld(name);
const folder = values.recordings ?? resolve(await findWorld(name), world.config.recordings ?? ".");
const recording = await openRecording(folder);
const turns = turnActions(recording.header.channels);
if (turns === undefined) throw new Error(`${folder}: no keys turn left and right; obedience can not be measured`);
const clips = await readHeldOutClips(recording, world);
const steps = values.steps === undefined ? {} : { steps: Number(values.steps) };

const runs: EvaluationReport[] = [];
for (let seed = 0; seed < Number(values.seeds); seed++) {
  const starts = chooseStarts(clips, {
    count: Number(values.starts),
    contextFrames: world.contextFrames,
    frames: scoredFrames,
    seed,
    skip: usualSkip,
  });
  const shared = { seed, batch: Number(values.batch), ...steps };
  const progress =
    (what: string) =>
    ({ done, total }: { done: number; total: number }) =>
      process.stderr.write(`\rseed ${seed}: ${what} ${done}/${total} frames   `);
  const { report } = await evaluateWorld(world, starts, {
    ...shared,
    frames: scoredFrames,
    onProgress: progress("scores"),
  });
  const obedience = await measureObedience(world, starts, {
    ...shared,
    frames: turnedFrames,
    turns,
    fieldOfView,
    onProgress: progress("turns"),
  });
  process.stderr.write("\n");
  runs.push({ ...report, obedience });
  console.log(`${scoreTable(report)}\n${JSON.stringify(obedience)}\n`);
}

const git = (...words: string[]): string => {
  try {
    return execFileSync("git", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
};
/** Mean over seeds of a number that may be missing. */
const meanOf = (of: (run: EvaluationReport) => number | null | undefined): number | null => {
  const found = runs.map(of).filter((value): value is number => typeof value === "number");
  return found.length === 0 ? null : average(found);
};
/** Of everything that was computed, without the time that it took: equal digests are equal bits. */
const digest = createHash("sha256")
  .update(JSON.stringify(runs.map(({ secondsPerFrame: _, ...numbers }) => numbers)))
  .digest("hex");
const result = {
  digest,
  what: `world "${world.name}" on held-out recordings, first ${scoredFrames} predicted frames`,
  command: `node benchmarks/dist/evaluate-doom.js ${process.argv.slice(2).join(" ")}`.trim(),
  date: new Date().toISOString(),
  machine: { processor: cpus()[0]?.model ?? "unknown", cores: cpus().length, threads: getNumThreads() },
  libtorch: libtorchVersion,
  commit: git("rev-parse", "HEAD"),
  uncommittedChanges: git("status", "--porcelain") !== "",
  steps: steps.steps ?? world.sampler.numSteps,
  summary: {
    psnr: {
      model: meanOf(({ model }) => model.psnrMean),
      repeatLastFrame: meanOf(({ repeatLastFrame }) => repeatLastFrame.psnrMean),
      shuffledActions: meanOf(({ shuffledActions }) => shuffledActions.psnrMean),
    },
    beatsBothInEverySeed: runs.every(({ beats }) => beats.repeatLastFrame && beats.shuffledActions),
    leftRate: meanOf(({ obedience }) => obedience?.left.rate),
    rightRate: meanOf(({ obedience }) => obedience?.right.rate),
    oppositeRate: meanOf(({ obedience }) => obedience?.opposite.rate),
    everyStartRate: meanOf(({ obedience }) => obedience?.everyStart.rate),
    secondsPerFrame: meanOf(({ secondsPerFrame }) => secondsPerFrame),
  },
  runs,
};
await writeFileAtomically(values.out, `${JSON.stringify(result, undefined, 2)}\n`);
console.log(JSON.stringify(result.summary, undefined, 2));
console.log(`SHA-256 of all numbers but the times: ${digest}`);
