// `vid2world bench full`: the ladder of speed at full size.
import { Command, Option } from "@commander-js/extra-typings";
import { report } from "../../bench/report.js";
import { randomWorldNames } from "../../bench/random-world.js";
import { runFull, showFull } from "../../bench/run-full.js";
import { wholeNumber } from "../whole-number.js";

const EXAMPLES = `
Examples:
  vid2world bench full --device cuda --dtype bfloat16        the table, on a GPU
  vid2world bench full --case debug --out /tmp/full.json     the same in miniature: in seconds, on any CPU
  vid2world bench full --limit 5                             most rungs estimated from single steps`;

/** `bench full` */
export function fullCommand() {
  const whole = <Flags extends string>(flags: Flags, text: string) =>
    new Option(flags, text).argParser(wholeNumber(flags.split(" ")[0] ?? flags, 1));
  return new Command("full")
    .description(
      "the published model at full size with random weights: seconds per frame of whole windows (R0), streaming (R1) and few steps (R2)",
    )
    .addOption(new Option("--case <name>", "which network").choices(randomWorldNames).default("full" as const))
    .addOption(new Option("--device <name>", "where").choices(["cpu", "cuda"] as const).default("cpu" as const))
    .addOption(
      new Option("--dtype <name>", "type of the weights and features")
        .choices(["float32", "bfloat16"] as const)
        .default("float32" as const),
    )
    .addOption(
      new Option("--steps <n...>", "denoising steps of R2 (default: 10 4)").argParser(
        (text: string, before: number[] | undefined): number[] => [...(before ?? []), wholeNumber("--steps", 1)(text)],
      ),
    )
    .addOption(whole("--frames <n>", "frames that are timed per rung").default(8))
    .addOption(whole("--limit <seconds>", "for the frames of one rung; longer ones are estimated").default(120))
    .addOption(whole("--threads <n>", "CPU threads").default(2))
    .addOption(new Option("--no-pytorch", "without plain PyTorch for Python beside it"))
    .addOption(new Option("--json", "print the result as JSON"))
    .addOption(new Option("--out <file>", "where the result goes (default: benchmarks/results/full.json)"))
    .addHelpText("after", EXAMPLES)
    .action(async ({ json, out, steps = [10, 4], ...options }) => {
      const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
      const result = await runFull({ ...options, steps, onProgress });
      await report("full", result, showFull(result), { json, out });
    });
}
