// `vid2world data check`: everything that can be wrong with training data, found before training. Exit code 1: not fit.
import { Command } from "@commander-js/extra-typings";
import { checkData, type CheckReport } from "@vid2world/world/data/survey/check-data";
import { quarantine, quarantineOf } from "@vid2world/world/data/survey/quarantine";
import { openSurvey } from "@vid2world/world/data/survey/survey";
import { createProgress } from "../../progress.js";
import { counted } from "./problems.js";
import { withStopSignal } from "./stop-signal.js";

const EXAMPLES = `
Examples:
  vid2world data check recordings/mine
  vid2world data check data/csgo/full_res --list test_split.txt
  vid2world data check recordings/mine --fix       put what is broken into recordings/mine-quarantine
Errors make data unfit (exit code 1); warnings are for you to judge. Looked at: readable files, lengths, sizes, ranges,
NaN, constant actions, frozen pictures, dropped frames, and whether action t is what happens between frame t and t + 1.`;

/** Builds the command. */
export function checkDataCommand() {
  return new Command("check")
    .description("Read every frame and action and say whether the data are fit for training.")
    .argument("<folder>", "a recording, published .npz episodes, CS:GO, or RECON as converted")
    .option("--list <file>", "names that should be there (JSON, or one a line): those that are not are warned of")
    .option("--fix", "move broken episodes to FOLDER-quarantine, with the reasons")
    .addHelpText("after", EXAMPLES)
    .action(async (folder, { list, fix }) => {
      let progress: ReturnType<typeof createProgress> | undefined;
      const survey = await openSurvey(folder);
      const report = await withStopSignal("nothing was changed", (signal) =>
        checkData(survey, {
          list,
          signal,
          onProgress: ({ done, total }) => {
            progress ??= createProgress({ label: folder, total, unit: "frames" });
            progress.update(done);
          },
        }),
      );
      progress?.finish();
      for (const { severity, message } of report.findings) console.log(`${severity}: ${message}`);
      console.log(lagLine(report));
      const count = (severity: string): string =>
        counted(report.findings.filter((found) => found.severity === severity).length, severity);
      const verdict = report.fit ? "fit for training" : "not fit for training";
      console.log(
        `${folder}: ${counted(report.episodes, "episode")}, ${report.frames} frames, ${count("error")}, ${count("warning")}: ${verdict}`,
      );
      if (!report.fit) process.exitCode = 1;
      if (fix !== true) return;
      const moved = await quarantine(folder, report.findings);
      console.log(`${moved.length} files moved to ${quarantineOf(folder)}; check again to see whether the rest is fit`);
    });
}

function lagLine({ lag }: CheckReport): string {
  if (lag === undefined) return "actions and movement: too few frames or too little movement to compare them";
  const shares = lag.lags.map((each, i) => `${each}: ${((lag.explained[i] ?? 0) * 100).toFixed(1)} %`);
  return `movement explained by actions[t + lag], which should be most at 0: ${shares.join(", ")}`;
}
