// `vid2world verify`: recorded reference cases computed on this machine, and how far each is off.
import { Command, Option } from "@commander-js/extra-typings";

import { createProgress } from "../progress.js";

const EXAMPLES = `
Examples:
  vid2world verify ../shared/fixtures                         every case, on the CPU in float32
  vid2world verify ../shared/fixtures --kind unet_small       one kind of cases
  vid2world verify ../shared/fixtures --device cuda           on the first GPU
  vid2world verify ../shared/fixtures --dtype bfloat16        how far half precision is off (nothing fails by it)
  vid2world verify ../shared/fixtures --json > report.json    every comparison, for programs
Exit code 1 if a case failed. docs/verify.md explains the numbers.`;

const DTYPES = ["float32", "float64", "bfloat16", "float16"] as const;

/** Builds the command. */
export function verifyCommand() {
  return new Command("verify")
    .description("Compute the recorded reference cases of a folder here and compare: numbers, not promises.")
    .argument("<dir>", "folder of recorded cases (*.json manifests beside safetensors)")
    .option("--device <device>", "cpu, cuda or cuda:N", "cpu")
    .addOption(new Option("--dtype <dtype>", "what the networks compute in").choices(DTYPES).default("float32"))
    .option("--kind <name>", "only the cases of this kind (unet_small, ddim_small, ...)")
    .option("--strict", "judge half precision by float32's tolerances too")
    .option("--vocabulary <file>", "CLIP's byte-pair vocabulary (bpe_simple_vocab_16e6.txt.gz), for the tokenizer")
    .option("--json", "print the whole report as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async (directory, { device: deviceName, dtype, kind, strict = false, vocabulary, json = false }) => {
      const { checkDevice, exactFloat32 } = await import("../verify/device.js");
      const device = checkDevice(deviceName);
      exactFloat32(device);
      const { countOutcome, runVerification } =
        await import("@vid2world/world/evaluation/verification/run-verification");
      const { heading, reportJson, resultLines, summaryLines } = await import("../verify/report.js");
      const stop = new AbortController();
      const interrupt = (): void => stop.abort(new Error("interrupted"));
      process.once("SIGINT", interrupt);
      let progress: ReturnType<typeof createProgress> | undefined;
      try {
        const report = await runVerification(directory, {
          device,
          dtype,
          strict,
          ...(kind !== undefined && { kind }),
          ...(vocabulary !== undefined && { vocabulary }),
          signal: stop.signal,
          onStart(index, total, name) {
            if (progress === undefined && !json) console.log(heading(directory, device, dtype));
            progress ??= createProgress({ label: "verifying", total, unit: "cases" });
            progress.update(index, name);
          },
          onResult(result) {
            if (json) return;
            if (process.stderr.isTTY) process.stderr.write("\r\x1b[K"); // the result takes the progress line's place
            for (const line of resultLines(result)) console.log(line);
          },
        });
        if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
        if (json) console.log(reportJson(report));
        else for (const line of summaryLines(report)) console.log(line);
        if (countOutcome(report, "failed") > 0) process.exitCode = 1;
      } finally {
        process.off("SIGINT", interrupt);
      }
    });
}
