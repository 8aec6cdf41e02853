// `vid2world bench latency|sessions|count`: what live play costs.
import { Command, Option } from "@commander-js/extra-typings";
import { caseNames } from "../../bench/cases.js";
import { report } from "../../bench/report.js";
import { countNames, runCount, showCount } from "../../bench/run-count.js";
import { runLatency, showLatency } from "../../bench/run-latency.js";
import { runSessions, showSessions } from "../../bench/run-sessions.js";
import { wholeNumber } from "../whole-number.js";

const whole = <Flags extends string>(flags: Flags, text: string, least: number) =>
  new Option(flags, text).argParser(wholeNumber(flags.split(" ")[0] ?? flags, least));
const json = () => new Option("--json", "print the result as JSON");
const out = () => new Option("--out <file>", "where the result goes (default: benchmarks/results/NAME.json)");

/** `bench latency` */
export function latencyCommand() {
  return new Command("latency")
    .description("from an action to its picture, by sampler: percentiles, and frames per second")
    .option("--world <name>", "a built-in world, or the folder of one", "doom")
    .addOption(
      new Option("--case <name>", "a network with random weights in the world's place").choices(["debug"] as const),
    )
    .option("--distilled <folder>", "a distilled form of it, to be measured too")
    .addOption(whole("--rounds <n>", "frames by each sampler", 1).default(20))
    .addOption(whole("--slow-rounds <n>", "frames by whole windows in 50 steps, which take seconds each", 1).default(2))
    .addOption(whole("--threads <n>", "CPU threads", 1).default(2))
    .addOption(json())
    .addOption(out())
    .action(async ({ json, out, distilled, case: only, ...options }) => {
      const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
      const given = { ...(distilled !== undefined && { distilled }), ...(only && { case: only }) };
      const result = await runLatency({ ...options, ...given, onProgress });
      await report("latency", result, showLatency(result), { json, out });
    });
}

/** `bench sessions` */
export function sessionsCommand() {
  const wholes = (text: string, before: number[] | undefined): number[] => [
    ...(before ?? []),
    wholeNumber("a number", 1)(text),
  ];
  return new Command("sessions")
    .description("a new frame of several sessions as one batch: processor time and memory")
    .addOption(new Option("--case <name>", "the configuration").choices(caseNames).default("doom" as const))
    .addOption(new Option("--sessions <n...>", "sessions (default: 1 2 4 8 16)").argParser(wholes))
    .addOption(whole("--context <n>", "known frames", 1).default(7))
    .addOption(whole("--rounds <n>", "turns that the numbers take", 1).default(7))
    .addOption(whole("--threads <n>", "CPU threads", 1).default(1))
    .addOption(json())
    .addOption(out())
    .action(async ({ json, out, sessions = [1, 2, 4, 8, 16], ...options }) => {
      const result = await runSessions({ ...options, sessions });
      await report("sessions", result, showSessions(result), { json, out });
    });
}

/** `bench count` */
export function countCommand() {
  return new Command("count")
    .description(
      "operations and bytes of a new frame and of a whole window, the share of a matrix product's rate that they reach, and the memory held for it",
    )
    .addOption(new Option("--case <name>", "only this configuration").choices(countNames))
    .addOption(whole("--context <n>", "known frames", 1).default(15))
    .addOption(whole("--rounds <n>", "evaluations that are timed", 1).default(7))
    .addOption(whole("--threads <n>", "CPU threads", 1).default(1))
    .addOption(json())
    .addOption(out())
    .action(async ({ json, out, case: only, ...options }) => {
      const result = await runCount({ ...options, cases: only === undefined ? countNames : [only] });
      await report("count", result, showCount(result), { json, out });
    });
}
