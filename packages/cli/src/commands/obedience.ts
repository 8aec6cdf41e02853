// `vid2world obedience`: whether a world does as it is told, by five tests with intervals.
import { Command, Option } from "@commander-js/extra-typings";
import { writeFileAtomically } from "@vid2world/formats";
import { openRecording } from "@vid2world/world/data/recording";
import { measureActionObedience } from "@vid2world/world/evaluation/obedience/suite";
import { findingsMarkdown, findingsText } from "@vid2world/world/evaluation/report/findings-text";
import { createProgress, type Progress } from "../progress.js";
import { recordingsFor } from "../rollout/open-clips.js";
import { configOf, openWorld } from "../rollout/open-world.js";
import { countOption } from "./whole-number.js";
import { setOption } from "./set-option.js";

const EXAMPLES = `
Examples:
  vid2world obedience doom --field-of-view 90          the built-in world, in two minutes on two cores
  vid2world obedience doom --starts 48 --json out.json narrower intervals, kept
  vid2world obedience runs/mine/world --recordings my-recording
Tests: exchanged actions, no action, growing and opposite actions (by the motion of the picture), and actions recovered from pictures by a
small network. What a channel does to the picture is learnt from the recordings, once, and kept in ~/.cache/vid2world/references.`;

/** Builds the command. */
export function obedienceCommand() {
  return new Command("obedience")
    .description(
      "Tell whether a world does as it is told: five tests, each number with its interval and what it means.",
    )
    .argument("<world>", "a built-in world, the folder of one, or a configuration")
    .option("--recordings <folder>", "recordings to start from and to compare with (default: the world's own)")
    .addOption(countOption("--starts <n>", "starts in held-out clips", 2).default(12))
    .addOption(countOption("--frames <n>", "frames to predict from each", 3).default(8))
    .addOption(countOption("--steps <n>", "denoising steps per frame (default: the world's)", 1))
    .addOption(countOption("--batch <n>", "starts that are rolled out together", 1).default(16))
    .addOption(countOption("--seed <n>", "seed of starts and noise", 0).default(0))
    .addOption(
      countOption("--field-of-view <degrees>", "horizontal field of view of the recordings: makes turns exact", 1),
    )
    .option("--checkpoint <file>", "weights for a configuration, also weights:NAME")
    .option("--supply <file...>", "further checkpoints, for networks that the first one does not have")
    .addOption(new Option("--device <name>", "cpu, cuda or cuda:N").default("cpu"))
    .addOption(setOption("override settings of the configuration"))
    .option("--json <file>", "write the whole report")
    .option("--markdown <file>", "write the table")
    .addHelpText("after", EXAMPLES)
    .action(async (given, flags) => {
      const { starts, frames, steps, batch, seed, fieldOfView } = flags;
      const config = await configOf(given, flags);
      const recording = await openRecording(await recordingsFor(given, config, flags));
      const world = await openWorld(given, config, flags);
      let progress: Progress | undefined;
      let shown = "";
      const report = await measureActionObedience(world, recording, {
        ...{ starts, frames, batch, seed, fieldOfView },
        ...(steps !== undefined && { steps }),
        onProgress: (what, done, total) => {
          if (what !== shown) progress?.finish();
          if (what !== shown)
            progress = createProgress({
              ...{ label: what === "recordings" ? "learning from the recordings" : `${world.name}: predicting`, total },
              unit: what === "recordings" ? "clips" : "frames",
            });
          shown = what;
          progress?.update(done);
        },
      });
      progress?.finish();
      console.log(`${report.world}: ${report.starts.length} held-out starts, ${frames} predicted frames each\n`);
      console.log([findingsText(report.findings), ...report.notes].join("\n\n"));
      if (flags.json !== undefined) await writeFileAtomically(flags.json, `${JSON.stringify(report, undefined, 1)}\n`);
      if (flags.markdown !== undefined)
        await writeFileAtomically(flags.markdown, `${findingsMarkdown(report.findings)}\n`);
    });
}
