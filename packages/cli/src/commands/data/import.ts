// `vid2world data import`: own data, from a folder of videos with inputs, gymnasium episodes, or a LeRobot dataset.
import { Command, Option } from "@commander-js/extra-typings";
import { importFolder } from "@vid2world/world/data/import/import-folder";
import { importGymnasium } from "@vid2world/world/data/import/import-gymnasium";
import { importLeRobot } from "@vid2world/world/data/import/import-lerobot";
import type { ImportOptions, ImportReport } from "@vid2world/world/data/import/recording-builder";
import { createProgress } from "../../progress.js";
import { wholeNumber } from "../whole-number.js";
import { positive } from "./positive.js";
import { counted, printProblems } from "./problems.js";
import { withStopSignal } from "./stop-signal.js";

const FOLDER_EXAMPLES = `
Example:
  vid2world data import folder my-videos --mapping mapping.yaml --output recordings/mine
mapping.yaml (docs/data.md has all fields):
  name: mine
  licence: CC0-1.0
  source: my own play
  fps: 10
  width: 160
  height: 120
  channels:
    - { name: forward, kind: continuous, range: [-1, 1], keys: { KeyW: 1, KeyS: -1 } }
monday.mp4 has its inputs in monday.csv: a column "t" (seconds) and a column "forward".`;

/** Builds the command group. */
export function importCommand() {
  return new Command("import")
    .description("Own data, made a recording (docs/recordings.md) that can be trained on.")
    .addCommand(folderCommand())
    .addCommand(gymnasiumCommand())
    .addCommand(leRobotCommand());
}

function folderCommand() {
  return new Command("folder")
    .description("Videos with timestamped inputs beside them: CSV, JSONL, .npz or Parquet.")
    .argument("<input>", "folder of videos")
    .requiredOption("--mapping <file>", "YAML file that declares the channels and how inputs become their values")
    .requiredOption("--output <folder>", "folder of the recording")
    .option("--strict", "stop at the first broken clip")
    .addHelpText("after", FOLDER_EXAMPLES)
    .action((input, { mapping, output, strict }) =>
      run(input, strict, (common) => importFolder({ input, output, mapping, ...common })),
    );
}

function gymnasiumCommand() {
  return new Command("gymnasium")
    .description("Episodes NAME.npz with actions, and frames in it or in NAME.mp4 beside it.")
    .argument("<input>", "folder of episodes")
    .requiredOption("--output <folder>", "folder of the recording")
    .option("--name <name>", "name of the recording", "gymnasium")
    .addOption(new Option("--fps <n>", "steps a second (default: that of the videos)").argParser(positive("--fps")))
    .option("--action-names <names>", "names of the actions or of their numbers, separated by commas")
    .addOption(validationEvery())
    .option("--strict", "stop at the first broken episode")
    .addHelpText(
      "after",
      "\nExample:\n  vid2world data import gymnasium episodes --output recordings/pong --action-names stay,up,down",
    )
    .action((input, { output, name, fps, actionNames, validationEvery, strict }) =>
      run(input, strict, (common) =>
        importGymnasium({
          input,
          output,
          name,
          validationEvery,
          ...(fps === undefined ? {} : { fps }),
          ...(actionNames === undefined ? {} : { actionNames: actionNames.split(",") }),
          ...common,
        }),
      ),
    );
}

function leRobotCommand() {
  const size = <Flags extends string>(flags: Flags, side: string) =>
    new Option(flags, `${side} of the pictures (default: the camera's)`).argParser(
      wholeNumber(flags.split(" ")[0] ?? "", 2),
    );
  return new Command("lerobot")
    .description("One camera of a LeRobot dataset, version 2.0 to 3, with its actions.")
    .argument("<input>", "folder of the dataset, with meta/info.json")
    .requiredOption("--output <folder>", "folder of the recording")
    .option("--camera <name>", "feature with the pictures, or its last part (default: the only one)")
    .addOption(size("--width <n>", "width"))
    .addOption(size("--height <n>", "height"))
    .addOption(validationEvery())
    .option("--strict", "stop at the first broken episode")
    .addHelpText(
      "after",
      "\nExample:\n  vid2world data import lerobot so100-pick --output recordings/so100 --camera top --width 320 --height 240",
    )
    .action((input, options) => {
      const { output, camera, width, height, validationEvery, strict } = options;
      return run(input, strict, (common) =>
        importLeRobot({
          input,
          output,
          validationEvery,
          ...(camera === undefined ? {} : { camera }),
          ...(width === undefined ? {} : { width }),
          ...(height === undefined ? {} : { height }),
          ...common,
        }),
      );
    });
}

function validationEvery() {
  return new Option("--validation-every <n>", "every n-th episode is never trained on; 0: none")
    .argParser(wholeNumber("--validation-every", 0))
    .default(10);
}

async function run(
  input: string,
  strict: true | undefined,
  work: (common: ImportOptions) => Promise<ImportReport>,
): Promise<void> {
  let progress: ReturnType<typeof createProgress> | undefined;
  const report = await withStopSignal("finished clips are kept; start again to go on", (signal) =>
    work({
      signal,
      strict: strict === true,
      onProgress: ({ done, total }) => {
        progress ??= createProgress({ label: input, total, unit: "clips" });
        progress.update(done);
      },
    }),
  );
  progress?.finish();
  const { folder, written, skipped, frames, problems, notes } = report;
  for (const note of notes) console.log(note);
  console.log(
    `${folder}: ${counted(written, "clip")} written (${frames} frames), ${skipped} there before, ${counted(problems.length, "problem")}`,
  );
  printProblems(problems);
  if (written + skipped > 0) console.log(`next: vid2world data check ${folder}`);
  else process.exitCode = 1;
}
