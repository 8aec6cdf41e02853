// `vid2world data inspect`: what a folder of training data holds, as a table and, if wanted, as one HTML file to look at.
import { Command } from "@commander-js/extra-typings";
import { writeContactSheet } from "@vid2world/world/data/survey/contact-sheet-html";
import { missingEpisodes, missingSentence } from "@vid2world/world/data/survey/missing-episodes";
import { actionStatistics, sparkline } from "@vid2world/world/data/survey/statistics";
import { openSurvey } from "@vid2world/world/data/survey/survey";
import { formatDuration } from "../../progress.js";
import { printProblems } from "./problems.js";

const EXAMPLES = `
Examples:
  vid2world data inspect recordings/doom-e1m2
  vid2world data inspect data/rt1/fractal20220817_data --list val_file_list.json
  vid2world data inspect recordings/doom-e1m2 --html sheet.html     frames with their actions, in a browser
Rows of the table: smallest, largest and mean value, share of rows that are not 0, histogram from smallest to largest.`;

/** Builds the command. */
export function inspectDataCommand() {
  return new Command("inspect")
    .description("Say what a folder of training data holds: format, episodes, frames, ranges of the actions.")
    .argument("<folder>", "a recording, published .npz episodes, CS:GO, or RECON as converted")
    .option("--list <file>", "names that should be there (JSON, or one a line): says which are not")
    .option("--html <file>", "also write a contact sheet")
    .addHelpText("after", EXAMPLES)
    .action(async (folder, { list, html }) => {
      const survey = await openSurvey(folder);
      const { kind, episodes, broken, fps, width, height } = survey;
      const frames = episodes.reduce((sum, episode) => sum + episode.frames, 0);
      const time = fps === undefined ? "" : `, ${formatDuration(frames / fps)} at ${fps} frames/s`;
      console.log(`${folder}: ${kind}`);
      console.log(`  ${episodes.length} episodes, ${frames} frames of ${width}x${height}${time}`);
      const validation = episodes.filter(({ split }) => split === "val").length;
      if (episodes.some(({ split }) => split !== undefined)) {
        console.log(`  ${episodes.length - validation} episodes to train on, ${validation} to validate on`);
      }
      const statistics = actionStatistics(survey);
      const longest = Math.max(7, ...statistics.map(({ name }) => name.length));
      for (const { name, kind: type, minimum, maximum, mean, active, histogram } of statistics) {
        const numbers = [minimum, maximum, mean].map((value) => value.toPrecision(4).padStart(10)).join(" ");
        const share = `${(active * 100).toFixed(0)} %`.padStart(6);
        console.log(`  ${name.padEnd(longest)} ${type.padEnd(10)} ${numbers} ${share}  ${sparkline(histogram)}`);
      }
      if (broken.length > 0) console.error(`${broken.length} episodes cannot be opened:`);
      printProblems(broken.map(({ error }) => error));
      const missing = list && missingSentence(list, await missingEpisodes(list, survey));
      if (missing) console.error(missing);
      if (html === undefined) return;
      await writeContactSheet(html, survey);
      console.log(`${html}: written`);
    });
}
