// `vid2world demo`: a world on recordings that it never saw, as videos, a contact sheet and numbers.
import { join, resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { invalid } from "@vid2world/formats";
import { decoderSchema, findWorld, loadWorld, readWorldConfig } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import type { EvaluationReport } from "@vid2world/world/evaluation/evaluate-world";
import { runDemo } from "@vid2world/world/evaluation/run-demo";
import { scoreTable } from "@vid2world/world/evaluation/report/score-table";
import { createProgress, formatDuration } from "../progress.js";
import { wholeNumber } from "./whole-number.js";

/**
 * 156 frames in all: few enough that two CPU cores need well below five minutes for the built-in world.
 */
const usual = { starts: 4, frames: 12 };
/** `--fast`: a look in under a minute. */
const quick = { starts: 2, frames: 8, steps: 3 };

const EXAMPLES = `
Examples:
  vid2world demo                                     the built-in world
  vid2world demo --fast --seed 1                     a quick look, at other places
  vid2world demo --world runs/mine/world --recordings my-recording`;

/** Builds the command. */
export function demoCommand() {
  return new Command("demo")
    .description("Roll a world out on held-out recordings and show how well it predicts and obeys.")
    .option("--world <name>", "a built-in world, or the folder of one", "doom")
    .option("--recordings <folder>", "recordings to start from (default: the world's own)")
    .option("--out <folder>", "where videos, contact sheet and metrics.json go", "out/demo")
    .addOption(
      new Option("--starts <n>", `starts, at least 2 (default: ${usual.starts})`).argParser(wholeNumber("--starts", 2)),
    )
    .addOption(
      new Option("--frames <n>", `frames to predict from each (default: ${usual.frames})`).argParser(
        wholeNumber("--frames", 1),
      ),
    )
    .addOption(
      new Option("--steps <n>", "denoising steps per frame (default: the world's)").argParser(
        wholeNumber("--steps", 1),
      ),
    )
    .addOption(
      new Option("--decoder <name>", "what makes the pictures (default: the world's)").choices(decoderSchema.options),
    )
    .addOption(new Option("--seed <n>", "seed of starts and noise").argParser(wholeNumber("--seed", 0)).default(0))
    .option("--fast", `a quick look: ${quick.starts} starts, ${quick.frames} frames, ${quick.steps} steps`)
    .addHelpText("after", EXAMPLES)
    .action(async (options) => {
      const preset = options.fast === true ? quick : usual;
      const steps = options.steps ?? (options.fast === true ? quick.steps : undefined);
      const { decoder } = options;
      const world = await loadWorld(options.world, decoder === undefined ? {} : { decoder });
      const recording = await openRecording(options.recordings ?? (await recordingsOf(options.world)));
      const [starts, frames] = [options.starts ?? preset.starts, options.frames ?? preset.frames];
      const began = performance.now();
      let progress: ReturnType<typeof createProgress> | undefined;
      const { report, files } = await runDemo(world, recording, {
        out: options.out,
        starts,
        frames,
        seed: options.seed,
        ...(steps === undefined ? {} : { steps }),
        onProgress: ({ done, total }) => {
          progress ??= createProgress({ label: `${world.name}: predicting`, total, unit: "frames" });
          progress.update(done);
          if (done === total) progress.finish();
        },
      });
      const seconds = (performance.now() - began) / 1000;
      console.log(
        summary(report, {
          seconds,
          steps: steps ?? world.sampler.numSteps,
          out: options.out,
          files,
          world: options.world,
        }),
      );
    });
}

/** Folder of the recordings that a world names, whatever the working directory. */
export async function recordingsOf(world: string): Promise<string> {
  const folder = await findWorld(world);
  const { recordings } = await readWorldConfig(folder);
  if (recordings === undefined)
    throw invalid("--recordings", `a folder of recordings, as the world in ${folder} names none`, undefined);
  return resolve(folder, recordings);
}

interface Circumstances {
  readonly seconds: number;
  readonly steps: number;
  readonly out: string;
  readonly files: readonly string[];
  readonly world: string;
}

/** What the terminal shows at the end. */
export function summary(report: EvaluationReport, { seconds, steps, out, files, world }: Circumstances): string {
  const { repeatLastFrame, shuffledActions } = report.beats;
  const verdict = (beaten: boolean, baseline: string): string =>
    `${beaten ? "better than" : "NOT better than"} ${baseline}`;
  const sheet = files.find((name) => name.endsWith(".html")) ?? "";
  return `
${report.world}: ${report.starts.length} starts in held-out recordings, ${report.predictedFrames} predicted frames each

${scoreTable(report)}

The model is ${verdict(repeatLastFrame, "repeating the last frame")} and ${verdict(shuffledActions, "itself with shuffled actions")}.
${report.secondsPerFrame.toFixed(3)} s per frame at ${steps} denoising steps; ${formatDuration(seconds)} in all.

In ${out}: ${files.join(", ")}
Open ${join(out, sheet)} in a browser. Then try:
  vid2world demo --world ${world} --steps ${steps * 2}      slower, cleaner frames
  vid2world demo --world ${world} --seed 1       other places
  vid2world rollout ${world} --frames 60    how far it keeps its shape
`;
}
