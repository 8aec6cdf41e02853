// `vid2world drift`: where a world breaks, over long rollouts.
import { Command, Option } from "@commander-js/extra-typings";
import { writeFileAtomically } from "@vid2world/formats";
import { openRecording } from "@vid2world/world/data/recording";
import { driftText } from "@vid2world/world/evaluation/drift/drift-text";
import { measureDrift } from "@vid2world/world/evaluation/drift/measure-drift";
import { createProgress, type Progress } from "../progress.js";
import { recordingsFor } from "../rollout/open-clips.js";
import { configOf, openWorld } from "../rollout/open-world.js";
import { countOption } from "./whole-number.js";
import { setOption } from "./set-option.js";

const EXAMPLES = `
Examples:
  vid2world drift doom                              four rollouts of 64 frames
  vid2world drift doom --starts 16 --frames 256 --json drift.json
  vid2world drift runs/mine/world --recordings my-recording
Shown: quality against horizon, what predicted pictures are like beside recorded ones, the first bad frame of a rollout that collapses,
whether a full turn comes back to where it began, and seconds per frame as the rollout grows.`;

/** Builds the command. */
export function driftCommand() {
  return new Command("drift")
    .description("Tell where a world breaks: long rollouts, their quality, looks, first bad frame, and a full turn.")
    .argument("<world>", "a built-in world, the folder of one, or a configuration")
    .option("--recordings <folder>", "recordings to start from and to compare with (default: the world's own)")
    .addOption(countOption("--starts <n>", "starts in held-out clips", 1).default(4))
    .addOption(countOption("--frames <n>", "frames to predict from each", 4).default(64))
    .addOption(countOption("--steps <n>", "denoising steps per frame (default: the world's)", 1))
    .addOption(countOption("--batch <n>", "starts that are rolled out together", 1).default(16))
    .addOption(countOption("--seed <n>", "seed of starts and noise", 0).default(0))
    .option("--checkpoint <file>", "weights for a configuration, also weights:NAME")
    .option("--supply <file...>", "further checkpoints, for networks that the first one does not have")
    .addOption(new Option("--device <name>", "cpu, cuda or cuda:N").default("cpu"))
    .addOption(setOption("override settings of the configuration"))
    .option("--json <file>", "write the whole report")
    .addHelpText("after", EXAMPLES)
    .action(async (given, flags) => {
      const { starts, frames, steps, batch, seed } = flags;
      const config = await configOf(given, flags);
      const recording = await openRecording(await recordingsFor(given, config, flags));
      const world = await openWorld(given, config, flags);
      let progress: Progress | undefined;
      const report = await measureDrift(world, recording, {
        ...{ starts, frames, batch, seed, ...(steps !== undefined && { steps }) },
        onProgress: (done, total) => {
          progress ??= createProgress({ label: `${world.name}: predicting`, total, unit: "frames" });
          progress.update(done);
        },
      });
      progress?.finish();
      console.log(
        `${report.world}: ${starts} held-out starts, ${frames} predicted frames each\n\n${driftText(report)}`,
      );
      if (flags.json !== undefined) await writeFileAtomically(flags.json, `${JSON.stringify(report, undefined, 1)}\n`);
    });
}
