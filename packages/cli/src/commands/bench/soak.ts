// `vid2world bench soak`: whether a served world stays as it is for hours.
import { Command, Option } from "@commander-js/extra-typings";
import { writeFileAtomically } from "@vid2world/formats";
import { compactJson, fail, report, resultFile } from "../../bench/report.js";
import { runSoak, showSoak } from "../../bench/run-soak.js";
import { wholeNumber } from "../whole-number.js";

/** Builds the command. */
export function soakCommand() {
  return new Command("soak")
    .description(
      "a served world for hours, with players who come, branch, leave and return, and an engine that is killed: what grows, what is lost",
    ) // prettier-ignore
    .addOption(whole("--minutes <n>", "how long", 120))
    .addOption(whole("--players <n>", "players at once, one of them slow", 6))
    .addOption(whole("--fps <n>", "frames per second of each", 1))
    .addOption(whole("--kill-every <n>", "minutes between two kills of the engine", 20))
    .addOption(whole("--look-every <n>", "seconds between two looks", 30))
    .addOption(whole("--threads <n>", "CPU threads of the engine", 1))
    .option("--json", "print the result as JSON")
    .option(
      "--out <file>",
      "where the result goes, and every five minutes what there is (default: benchmarks/results/soak.json)",
    ) // prettier-ignore
    .action(async ({ json, out, ...options }) => {
      const stop = new AbortController();
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
      const result = await runSoak({
        ...options,
        until: stop.signal,
        onProgress: (text) => void process.stderr.write(`${text}\n`),
        onPartial: (partial) => writeFileAtomically(resultFile("soak", out), `${compactJson(partial)}\n`),
      });
      await report("soak", result, showSoak(result), { json, out });
      fail(!result.passed, "something grows, or was lost, or went wrong");
    });
}

const whole = <Flags extends string>(flags: Flags, text: string, usual: number) =>
  new Option(flags, text).argParser(wholeNumber(flags.split(" ")[0] ?? flags, 1)).default(usual);
