// `vid2world data`: everything that happens to data before training. Each subcommand is a file in data/.
import { Command } from "@commander-js/extra-typings";
import { checkDataCommand } from "./data/check.js";
import { convertCsgoCommand } from "./data/convert-csgo.js";
import { convertReconCommand } from "./data/convert-recon.js";
import { convertRt1Command } from "./data/convert-rt1.js";
import { encodeCommand } from "./data/encode.js";
import { importCommand } from "./data/import.js";
import { inspectDataCommand } from "./data/inspect.js";
import { recordCommand } from "./data/record.js";

const EXAMPLES = `
Examples:
  vid2world data convert rt1 --input tensorflow_datasets --output data/rt1
  vid2world data convert csgo --input dataset_dm_scraped_dust2_tars --output data/csgo
  vid2world data convert recon --input recon_dataset --output data/recon
  vid2world data import folder my-videos --mapping mapping.yaml --output recordings/mine
  vid2world data inspect recordings/mine
  vid2world data check recordings/mine
  vid2world data encode configs/doom/base.yaml
docs/data.md describes every source.`;

/** Builds the command group. */
export function dataCommand() {
  return new Command("data")
    .description("Convert, import, record, look at, check and encode data for training.")
    .addCommand(convertCommand())
    .addCommand(importCommand())
    .addCommand(recordCommand())
    .addCommand(encodeCommand())
    .addCommand(inspectDataCommand())
    .addCommand(checkDataCommand())
    .addHelpText("after", EXAMPLES);
}

function convertCommand() {
  return new Command("convert")
    .description("Original downloads of the published domains, made ready for training.")
    .addCommand(convertRt1Command())
    .addCommand(convertCsgoCommand())
    .addCommand(convertReconCommand());
}
