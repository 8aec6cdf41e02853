// `vid2world evaluate`: scores finished rollouts, ours or anyone's, by the published protocol or the corrected one.
import path from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { invalid, writeFileAtomically } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { environmentNames } from "@vid2world/world/evaluation/scores/environments";
import { evaluateFolder } from "@vid2world/world/evaluation/scores/evaluate-folder";
import { type MergedDistance, mergedDistances } from "@vid2world/world/evaluation/scores/set-statistics";
import { metricNames } from "@vid2world/world/evaluation/scores/metric-networks";
import { compareFolders, compareReports } from "@vid2world/world/evaluation/comparison/compare-folders";
import { comparisonPage } from "@vid2world/world/evaluation/comparison/comparison-page";
import {
  comparisonCsv,
  comparisonMarkdown,
  comparisonText,
} from "@vid2world/world/evaluation/comparison/comparison-text";
import { scoreCsv, scoreTableText, scoreText } from "@vid2world/world/evaluation/scores/score-text";
import { madeHere } from "../made-here.js";
import { createProgress, type Progress } from "../progress.js";
import { wholeNumber } from "./whole-number.js";

const help = `
Examples:
  $ vid2world evaluate out/rt1 --env rt1                      # 1024 rollouts, all metrics whose weights are here
  $ vid2world evaluate out/csgo --env csgo --n 100            # the first 100
  $ vid2world evaluate out/rt1 --env rt1 --protocol published # number for number what the published script prints
  $ vid2world evaluate --compare out/ours out/theirs --env csgo --html report.html
  $ vid2world evaluate out/rank0 --env csgo --n 250 --save-statistics stats/0     # a share of the clips; then, for all of them:
  $ vid2world evaluate --merge stats/0 stats/1
  $ vid2world evaluate out --env own --metrics psnr ssim --json scores.json --csv scores.csv

DIR holds NAME/gt_video.mp4 and NAME/pred_video.mp4, or NAME_x_gt.mp4 and NAME_x_pred.mp4, as rollouts are written. Networks of the
metrics: vid2world weights pull metrics. A metric without its weights is reported as not computed.`;

const dreamSimKinds = ["ensemble", "dino_vitb16", "clip_vitb32", "open_clip_vitb32"] as const;

const mergedLine = ({ name, value, vectors, network, tooFew }: MergedDistance): string =>
  `${name.toUpperCase()} ${value.toFixed(3)}  (${vectors} vectors of ${network}${tooFew ? ": too few, biased upwards" : ""})`;

/** Builds the command. */
export function evaluateCommand() {
  return new Command("evaluate")
    .description("Score rollouts: MSE, PSNR, SSIM, LPIPS, DreamSim, FID, FVD.")
    .argument("[dir]", "the folder of the rollouts")
    .addOption(
      new Option("--env <name>", "which frames, crops and networks (needed but with --merge)").choices(
        environmentNames,
      ),
    )
    .addOption(
      new Option("--protocol <name>", "per-clip means of lossless frames, or the published script's averages")
        .choices(["corrected", "published"] as const)
        .default("corrected" as const),
    )
    .option("--n <clips>", "score the first clips only, whatever the protocol wants", wholeNumber("--n", 1))
    .addOption(new Option("--metrics <names...>", "only these metrics").choices(metricNames))
    .addOption(
      new Option("--i3d-range <range>", "what FVD's network is fed: 0..1 as published, or the 0..255 that it expects")
        .choices(["published", "bytes"] as const)
        .default("published" as const),
    )
    .option(
      "--distance-resamples <n>",
      "resamples of the intervals and paired tests of FID and FVD; 0: none (default: 200)",
      wholeNumber("--distance-resamples", 0),
    )
    .addOption(
      new Option("--dreamsim <kind>", "which DreamSim: the published ensemble, or one branch").choices(dreamSimKinds),
    )
    .option("--save-statistics <folder>", "write the statistics of FID's and FVD's features: a reference, or a share")
    .option("--reference <folder>", "take FID and FVD against statistics kept before, not against the true clips")
    .option("--merge <folders...>", "FID and FVD of all clips whose statistics several processes wrote; reads no clips")
    .option("--compare <dirs...>", "several folders with clips of the same names: each against the first, clip by clip")
    .option("--html <file>", "write one page: tables, curves by frame, clips side by side, the worst first")
    .option("--device <device>", "cpu, cuda or cuda:N", "cpu")
    .option("--json <file>", "write the whole report")
    .option("--csv <file>", "write the score of every clip and frame")
    .option("--markdown <file>", "write the table")
    .addHelpText("after", help)
    .action(async (dir, flags) => {
      if (flags.merge) return console.log((await mergedDistances(flags.merge)).map(mergedLine).join("\n"));
      const folders = [...(dir === undefined ? [] : [dir]), ...(flags.compare ?? [])];
      const [first, second] = folders;
      const { env } = flags;
      if (env === undefined) throw invalid("--env", environmentNames.join(", "), undefined);
      if (second !== undefined && flags.saveStatistics !== undefined)
        throw invalid("--save-statistics", "one folder of rollouts, as each has statistics of its own", folders.length);
      if (first === undefined) throw invalid("<dir>", "a folder of rollouts, or several behind --compare", undefined);
      let progress: Progress | undefined;
      const options = {
        ...{ environment: env, protocol: flags.protocol, n: flags.n, device: flags.device as Device },
        ...{ dreamSim: flags.dreamsim, reference: flags.reference, saveStatistics: flags.saveStatistics },
        ...{ i3dRange: flags.i3dRange, metrics: flags.metrics, distanceResamples: flags.distanceResamples },
        onProgress: (done: number, total: number) => {
          progress ??= createProgress({ label: `scoring ${folders.join(", ")}`, total, unit: "clips" });
          progress.update(done);
        },
      };
      const write = async (file: string | undefined, text: () => string | Promise<string>): Promise<void> => {
        if (file !== undefined) await writeFileAtomically(file, await text());
      };
      if (second === undefined) {
        const report = await evaluateFolder(first, options);
        progress?.finish();
        console.log(scoreText(report));
        const alone = compareReports([{ name: path.basename(path.resolve(first)), report }]);
        await write(flags.html, () => comparisonPage(alone, { facts: madeHere() }));
        await write(flags.json, () => `${JSON.stringify(report, undefined, 1)}\n`);
        await write(flags.csv, () => scoreCsv(report));
        await write(flags.markdown, () => `${scoreTableText(report)}\n`);
        return;
      }
      const comparison = await compareFolders(folders, options);
      progress?.finish();
      console.log(comparisonText(comparison));
      await write(flags.html, () => comparisonPage(comparison, { facts: madeHere() }));
      await write(flags.json, () => `${JSON.stringify(comparison, undefined, 1)}\n`);
      await write(flags.csv, () => comparisonCsv(comparison));
      await write(flags.markdown, () => `${comparisonMarkdown(comparison)}\n`);
    });
}
