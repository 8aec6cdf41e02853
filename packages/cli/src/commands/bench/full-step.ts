// `vid2world bench full-step`: a training step of the published model at full size.
import { Command, Option } from "@commander-js/extra-typings";
import { checkpointingPolicies } from "@vid2world/world/model/unet/options";
import { randomWorldNames } from "../../bench/random-world.js";
import { report } from "../../bench/report.js";
import { runFullStep, showFullStep } from "../../bench/run-full-step.js";
import { wholeNumber } from "../whole-number.js";

const EXAMPLES = `
Examples:
  vid2world bench full-step --device cuda                    batch 2, 16 frames of 320x512, bfloat16, everything recomputed
  vid2world bench full-step --case debug --precision float32 --out /tmp/step.json    the same in miniature: in seconds, on any CPU

Weights and optimiser are float32: 23 GB for the full size, and features beside it. PyTorch for Python: VID2WORLD_PYTHON.`;

/** Builds the command. */
export function fullStepCommand() {
  const whole = <Flags extends string>(flags: Flags, text: string) =>
    new Option(flags, text).argParser(wholeNumber(flags.split(" ")[0] ?? flags, 1));
  return new Command("full-step")
    .description(
      "one training step of the published model at full size, on cached latents: TFLOP/s and memory, ours and PyTorch's",
    )
    .addOption(new Option("--case <name>", "which network").choices(randomWorldNames).default("full" as const))
    .addOption(new Option("--device <name>", "where").choices(["cpu", "cuda"] as const).default("cpu" as const))
    .addOption(
      new Option("--precision <name>", "of convolutions and matrix products")
        .choices(["float32", "bfloat16"] as const)
        .default("bfloat16" as const),
    )
    .addOption(
      new Option("--checkpointing <policy>", "what the backward pass recomputes")
        .choices(checkpointingPolicies)
        .default("all" as const),
    )
    .addOption(whole("--batch <n>", "clips").default(2))
    .addOption(whole("--rounds <n>", "steps that count").default(5))
    .addOption(whole("--threads <n>", "CPU threads").default(1))
    .addOption(new Option("--no-pytorch", "without PyTorch for Python beside it"))
    .addOption(new Option("--json", "print the result as JSON"))
    .addOption(new Option("--out <file>", "where the result goes (default: benchmarks/results/full-step.json)"))
    .addHelpText("after", EXAMPLES)
    .action(async ({ json, out, ...options }) => {
      const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
      const result = await runFullStep({ ...options, onProgress });
      await report("full-step", result, showFullStep(result), { json, out });
    });
}
