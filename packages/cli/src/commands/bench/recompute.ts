// `vid2world bench recompute`: what each policy of `model.checkpointing` saves and costs.
import { Command, Option } from "@commander-js/extra-typings";
import { caseNames } from "../../bench/cases.js";
import { report } from "../../bench/report.js";
import { runRecompute, showRecompute } from "../../bench/run-recompute.js";
import { wholeNumber } from "../whole-number.js";

/** Builds the command. */
export function recomputeCommand() {
  return new Command("recompute")
    .description("memory and time of a training step by what the backward pass recomputes (model.checkpointing)")
    .addOption(new Option("--case <name>", "the configuration").choices(caseNames).default("doom" as const))
    .option("--rounds <n>", "turns that the policies take", wholeNumber("--rounds", 1), 5)
    .option("--batch <n>", "clips at once (default: the case's)", wholeNumber("--batch", 1))
    .option("--threads <n>", "CPU threads", wholeNumber("--threads", 1), 1)
    .option("--json", "print the result as JSON")
    .option("--out <file>", "where the result goes (default: benchmarks/results/recompute.json)")
    .action(async ({ case: name, rounds, batch, threads, json, out }) => {
      const result = await runRecompute({ name, rounds, batch, threads });
      await report("recompute", result, showRecompute(result), { json, out });
    });
}
