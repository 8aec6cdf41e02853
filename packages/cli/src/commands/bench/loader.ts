// `vid2world bench loader`: how fast clips are read from published data sets, against a plain loader in Python.
import { Command, Option } from "@commander-js/extra-typings";
import { findPyTorch } from "../../bench/python.js";
import { fail, report } from "../../bench/report.js";
import { runLoader, showLoader } from "../../bench/run-loader.js";
import { wholeNumber } from "../whole-number.js";

const domains = ["rt1", "csgo", "recon"] as const;

/** Builds the command. */
export function loaderCommand() {
  return new Command("loader")
    .description("frames per second of the data loader, and of a plain Python loader on the same files")
    .addOption(new Option("--domain <name>", "only this data set").choices(domains))
    .option("--workers <n...>", "numbers of decoding threads, and of Python's processes", ["1", "2"])
    .option("--rounds <n>", "turns that the two sides take", wholeNumber("--rounds", 1), 5)
    .option("--batches <n>", "batches of four clips per turn", wholeNumber("--batches", 1), 4)
    .option("--json", "print the result as JSON")
    .option("--out <file>", "where the result goes (default: benchmarks/results/loader.json)")
    .action(async ({ domain, workers, rounds, batches, json, out }) => {
      const found = await findPyTorch(["h5py", "PIL", "torchvision"]);
      if ("missing" in found) throw Object.assign(new Error(found.missing), { code: "ENOENT" }); // no fault of the program's
      const result = await runLoader({
        domains: domain === undefined ? domains : [domain],
        workers: workers.map(wholeNumber("--workers", 1)),
        ...{ rounds, perRound: batches },
      });
      await report("loader", result, showLoader(result), { json, out });
      fail(
        result.results.some(({ equal }) => !equal),
        "the two sides read different frames",
      );
    });
}
