// `vid2world bench checkpoint`: what safety costs.
import { Command, Option } from "@commander-js/extra-typings";
import { type CaseName, caseNames } from "../../bench/cases.js";
import { report } from "../../bench/report.js";
import { runCheckpoint, showCheckpoint } from "../../bench/run-checkpoint.js";
import { wholeNumber } from "../whole-number.js";

/** Builds the command. */
export function checkpointCommand() {
  return new Command("checkpoint")
    .description("what saving adds to the steps of a run, and the time from SIGTERM to the end of the process")
    .addOption(new Option("--case <name>", "only this configuration").choices(caseNames))
    .option("--rounds <n>", "turns that the ways of saving take", wholeNumber("--rounds", 1), 5)
    .option("--signals <n>", "runs that are asked to end", wholeNumber("--signals", 1), 4)
    .option("--threads <n>", "CPU threads", wholeNumber("--threads", 1), 1)
    .option("--json", "print the result as JSON")
    .option("--out <file>", "where the result goes (default: benchmarks/results/checkpoint.json)")
    .action(async ({ case: only, rounds, signals, threads, json, out }) => {
      const cases: readonly CaseName[] = only === undefined ? caseNames : [only];
      const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
      const result = await runCheckpoint({ cases, rounds, signals, threads, onProgress });
      await report("checkpoint", result, showCheckpoint(result), { json, out });
    });
}
