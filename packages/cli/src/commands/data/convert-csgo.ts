// `vid2world data convert csgo`: the released tar archives, unpacked to where training and evaluation read them.
import { Command } from "@commander-js/extra-typings";
import { convertCsgo } from "@vid2world/world/data/csgo/csgo-convert";
import { runConversion } from "./run-conversion.js";

const EXAMPLES = `
Examples:
  vid2world data convert csgo --input dataset_dm_scraped_dust2_tars --output data/csgo
  vid2world data convert csgo --input tars/hdf5_dm_july2021_1_to_200.tar --output data/csgo --strict
The archives stay where they are. Start it again after an interruption: what is unpacked is not unpacked again.`;

/** Builds the command. */
export function convertCsgoCommand() {
  return new Command("csgo")
    .description("CS:GO archives (hdf5_dm_july2021_1_to_200.tar, ...) to full_res/1-200/hdf5_dm_july2021_1.hdf5, ...")
    .requiredOption("--input <path>", "folder of the archives, or one of them")
    .requiredOption("--output <folder>", "gets full_res/")
    .option("--strict", "stop at the first archive or file that is not as it should be")
    .addHelpText("after", EXAMPLES)
    .action(({ input, output, strict }) =>
      runConversion("csgo", output, (more) => convertCsgo({ input, output, strict: strict === true, ...more })),
    );
}
