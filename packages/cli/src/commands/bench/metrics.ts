// `vid2world bench metrics`: how fast pictures are scored, against plain PyTorch for Python, and in how much memory.
import { Command, Option } from "@commander-js/extra-typings";
import { benchedMetrics } from "../../bench/protocol.js";
import { findPyTorch } from "../../bench/python.js";
import { fail, report } from "../../bench/report.js";
import { metricTolerance, runMetrics, showMetrics, streamLimitKiB } from "../../bench/run-metrics.js";
import { wholeNumber } from "../whole-number.js";

const whole = <Flags extends string>(flags: Flags, text: string, value: number) =>
  new Option(flags, text).argParser(wholeNumber(flags.split(" ")[0] ?? flags, 1)).default(value);

/** Builds the command. */
export function metricsCommand() {
  return new Command("metrics")
    .description("pictures per second and memory of each metric, and of plain PyTorch, on random weights")
    .addOption(new Option("--metric <names...>", "only these").choices(benchedMetrics))
    .addOption(whole("--frames <n>", "pictures of one evaluation", 4))
    .addOption(whole("--height <n>", "pixels", 150))
    .addOption(whole("--width <n>", "pixels", 280))
    .addOption(whole("--vectors <n>", "vectors of either set of the Frechet distance", 1024))
    .addOption(whole("--features <n>", "numbers of each vector", 400))
    .addOption(whole("--rounds <n>", "turns that the two sides take", 5))
    .addOption(whole("--threads <n>", "CPU threads", 1))
    .option("--clips <n...>", "score folders of so many clips of 16 frames, with stand-ins for the networks", ["64"])
    .option("--only-clips", "nothing else: needs no Python")
    .option("--json", "print the result as JSON")
    .option("--out <file>", "where the result goes (default: benchmarks/results/metrics.json)")
    .action(async ({ metric, clips, onlyClips, json, out, ...options }) => {
      const metrics = onlyClips === true ? [] : (metric ?? benchedMetrics);
      const found = metrics.length > 0 ? await findPyTorch(["torchvision"]) : { version: "" };
      if ("missing" in found) throw Object.assign(new Error(found.missing), { code: "ENOENT" }); // no fault of the program's
      const result = await runMetrics({
        ...options,
        metrics,
        clips: clips.map((text) => wholeNumber("--clips", 0)(text)).filter((count) => count > 0),
        onProgress: (text) => void process.stderr.write(`${text}\n`),
      });
      await report("metrics", result, showMetrics(result), { json, out });
      const unequal = result.results.filter(({ difference }) => !(difference < metricTolerance));
      fail(unequal.length > 0, `differs from PyTorch: ${unequal.map((row) => row.metric).join(", ")}`);
      const large = result.stream.filter(({ peakKiB }) => peakKiB > streamLimitKiB);
      fail(large.length > 0, "scoring needs more than 2 GB outside of the networks");
    });
}
