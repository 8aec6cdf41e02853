// `vid2world data convert recon`: the released hdf5 files as folders of pictures with poses, NoMaD's layout.
import { Command, Option } from "@commander-js/extra-typings";
import { convertRecon } from "@vid2world/world/data/recon/recon-convert";
import { runConversion } from "./run-conversion.js";

const EXAMPLES = `
Examples:
  vid2world data convert recon --input recon_dataset --output data/recon
  vid2world data convert recon --input recon_release --output data/recon --images copy
Start it again after an interruption: finished trajectories are not made again.`;

/** Builds the command. */
export function convertReconCommand() {
  return new Command("recon")
    .description("RECON hdf5 files to folders with 0.jpg, 1.jpg, ... (640x480) and traj_data.pkl.")
    .requiredOption("--input <path>", "folder of the hdf5 files (or the one above recon_release), or one of them")
    .requiredOption("--output <folder>", "gets a folder per trajectory")
    .addOption(
      new Option("--images <how>", "reencode: the pixels of the published data; copy: the original JPEG files")
        .choices(["reencode", "copy"] as const)
        .default("reencode" as const),
    )
    .option("--strict", "stop at the first unreadable file")
    .addHelpText("after", EXAMPLES)
    .action(({ input, output, images, strict }) =>
      runConversion("recon", output, (more) =>
        convertRecon({ input, output, images, strict: strict === true, ...more }),
      ),
    );
}
