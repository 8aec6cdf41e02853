// `vid2world bench serving`: frames per second and latency of the engine for many sessions, batched against one by one.
import { Command, Option } from "@commander-js/extra-typings";
import { report } from "../../bench/report.js";
import { runServing, showServing } from "../../bench/run-serving.js";
import { wholeNumber } from "../whole-number.js";

/** Builds the command. */
export function servingCommand() {
  const wholes = (text: string, before: number[] | undefined): number[] => [
    ...(before ?? []),
    wholeNumber("--sessions", 1)(text),
  ];
  return new Command("serving")
    .description("the engine with many sessions, in shared passes and one by one: frames per second, latency, memory")
    .option("--world <name>", "a built-in world, the folder of one, or debug: a very small one", "debug")
    .addOption(new Option("--sessions <n...>", "sessions at once (default: 1 4 16 64)").argParser(wholes))
    .addOption(new Option("--frames <n>", "frames per session").argParser(wholeNumber("--frames", 1)).default(20))
    .addOption(new Option("--threads <n>", "CPU threads").argParser(wholeNumber("--threads", 1)).default(2))
    .option("--json", "print the result as JSON")
    .option("--out <file>", "where the result goes (default: benchmarks/results/serving.json)")
    .action(async ({ world, sessions, frames, threads, json, out }) => {
      const result = await runServing({ world, sessions: sessions ?? [1, 4, 16, 64], frames, threads });
      await report("serving", result, showServing(result), { json, out });
    });
}
