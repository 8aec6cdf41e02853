// `vid2world report`: a training run as one page, and its curves as files.
import path from "node:path";
import { Command } from "@commander-js/extra-typings";
import { writeRunReport } from "@vid2world/world/training/report/run-report";

const EXAMPLES = `
Examples:
  vid2world report runs/doom/world                    runs/doom/world/report.html
  vid2world report runs/doom/world --html world.html --png figures
The page needs no network and no other file. A run that is still going on is reported as far as it is.`;

/** Builds the command. */
export function reportCommand() {
  return new Command()
    .description(
      "Show a training run: curves, sample videos, interruptions, configuration and versions, in one self-contained page.",
    )
    .argument("<run>", "the run's folder, as given to `train --out`")
    .option("--html <file>", "the page (default: report.html in the run's folder)")
    .option("--svg <folder>", "also write every curve as SVG")
    .option("--png <folder>", "also write every curve as PNG")
    .addHelpText("after", EXAMPLES)
    .action(async (run, { html = path.join(run, "report.html"), svg, png }) => {
      const { files, summary } = await writeRunReport(run, { html, svg, png });
      console.log(summary);
      console.log(files.length === 1 ? files[0] : `${files[0]} and ${files.length - 1} curves`);
    });
}
