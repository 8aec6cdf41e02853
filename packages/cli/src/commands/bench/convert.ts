// `vid2world bench convert`: how fast published data are converted, and how much memory that takes.
import { Command } from "@commander-js/extra-typings";
import { findPyTorch } from "../../bench/python.js";
import { fail, report } from "../../bench/report.js";
import { ALLOWED_MEGABYTES, runConvert, showConvert } from "../../bench/run-convert.js";
import { wholeNumber } from "../whole-number.js";

/** Builds the command. */
export function convertCommand() {
  return new Command("convert")
    .description(
      `MB/s and peak memory of each conversion; exit code 1 where one needs more than ${ALLOWED_MEGABYTES} MB`,
    )
    .option("--megabytes <n>", "size of the archive and of the shard", wholeNumber("--megabytes", 10), 1000)
    .option("--small-megabytes <n>", "size of inputs that are encoded anew", wholeNumber("--small-megabytes", 10), 100)
    .option("--json", "print the result as JSON")
    .option("--out <file>", "where the result goes (default: benchmarks/results/convert.json)")
    .action(async ({ megabytes, smallMegabytes, json, out }) => {
      const found = await findPyTorch(["h5py", "PIL"]); // which write the hdf5 files of RECON
      if ("missing" in found) throw Object.assign(new Error(found.missing), { code: "ENOENT" });
      const result = await runConvert({ megabytes, smallMegabytes });
      await report("convert", result, showConvert(result), { json, out });
      fail(
        result.results.some(({ peakMegabytes }) => peakMegabytes > ALLOWED_MEGABYTES),
        `a conversion needs more than ${ALLOWED_MEGABYTES} MB`,
      );
    });
}
