// `vid2world data convert rt1`: RT-1 and the other robot datasets of Open X-Embodiment, from their TFDS folders.
import { readFile } from "node:fs/promises";
import { Command, Option } from "@commander-js/extra-typings";
import { FormatError } from "@vid2world/formats";
import { convertRlds } from "@vid2world/world/data/rlds/convert-rlds";
import { RT1_DATASET } from "@vid2world/world/data/rlds/known-datasets";
import { createProgress } from "../../progress.js";
import { wholeNumber } from "../whole-number.js";
import { positive } from "./positive.js";
import { counted, printProblems } from "./problems.js";
import { withStopSignal } from "./stop-signal.js";

const EXAMPLES = `
Examples:
  vid2world data convert rt1 --input tensorflow_datasets --output data/rt1
  vid2world data convert rt1 --input tensorflow_datasets --output data/rt1 --format recordings --held-out val_file_list.json
  vid2world data convert rt1 --input tensorflow_datasets --output data --dataset bridge --action action/world_vector,action/rotation_delta
Start it again after an interruption: episodes that are there are not made again. Broken episodes are named at the end.`;

/** Builds the command. */
export function convertRt1Command() {
  return new Command("rt1")
    .description("Robot episodes (TFDS folders of tfrecord files) to the published .npz files, or to a recording.")
    .requiredOption("--input <folder>", "folder of the dataset, or of many datasets as TFDS lays them out")
    .requiredOption("--output <folder>", "episodes go into a folder of the dataset's name in it")
    .option("--dataset <name>", "published name of the dataset; a last digit may choose a camera", RT1_DATASET)
    .addOption(
      new Option("--format <kind>", "npz: as published; recordings: pictures stay compressed, about five times smaller")
        .choices(["npz", "recordings"] as const)
        .default("npz" as const),
    )
    .option("--image-key <field>", "field of the observation with the picture (default: the published one)")
    .option("--action <fields>", "fields of a step that make the action, separated by commas (default: as published)")
    .addOption(
      new Option("--fps <n>", "steps a second, for recordings (default: as known)").argParser(positive("--fps")),
    )
    .option("--held-out <file>", "JSON list of episodes never to be trained on, for recordings")
    .addOption(new Option("--max-episodes <n>", "stop after this many").argParser(wholeNumber("--max-episodes", 1)))
    .option("--strict", "stop at the first broken episode")
    .addHelpText("after", EXAMPLES)
    .action(async (options) => {
      const { input, output, dataset, format, imageKey, action, fps, heldOut, maxEpisodes, strict } = options;
      let progress: ReturnType<typeof createProgress> | undefined;
      const began = performance.now();
      const report = await withStopSignal("finished episodes are kept; start again to go on", async (signal) =>
        convertRlds({
          input,
          output,
          dataset,
          format,
          signal,
          strict: strict === true,
          ...(imageKey === undefined ? {} : { imageKey }),
          ...(action === undefined ? {} : { action: action.split(",") }),
          ...(fps === undefined ? {} : { fps }),
          ...(heldOut === undefined ? {} : { heldOut: await readNames(heldOut) }),
          ...(maxEpisodes === undefined ? {} : { maxEpisodes }),
          onProgress: ({ done, total }) => {
            progress ??= createProgress({ label: dataset, total, unit: "episodes" });
            progress.update(done);
          },
        }),
      );
      progress?.finish();
      const rate = report.bytes / 1e6 / Math.max((performance.now() - began) / 1000, 1e-3);
      console.log(
        `${report.folder}: ${counted(report.written, "episode")} written (${report.frames} frames, ${rate.toFixed(1)} MB/s read), ` +
          `${report.skipped} there before, ${counted(report.problems.length, "problem")}`,
      );
      printProblems(report.problems);
      if (report.written + report.skipped === 0) process.exitCode = 1;
    });
}

/** The published list of held-out files: a JSON list of names. */
async function readNames(file: string): Promise<ReadonlySet<string>> {
  let names: unknown;
  try {
    names = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new FormatError(file, `no readable JSON: ${(cause as Error).message}`);
  }
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return new Set(names);
  throw new FormatError(file, "no list of names");
}
