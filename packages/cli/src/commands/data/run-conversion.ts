// Runs a conversion of a published data set on the terminal: progress, Ctrl-C, and what came of it.
import type { ConversionOptions, ConversionReport } from "@vid2world/world/data/conversion";
import { createProgress } from "../../progress.js";
import { counted, printProblems } from "./problems.js";
import { withStopSignal } from "./stop-signal.js";

const MEGABYTE = 1e6;

/** Converts, and ends with exit status 1 if nothing could be converted. */
export async function runConversion(
  label: string,
  output: string,
  convert: (more: Pick<ConversionOptions, "signal" | "onProgress">) => Promise<ConversionReport>,
): Promise<void> {
  let progress: ReturnType<typeof createProgress> | undefined;
  const inMegabytes = (bytes: number): number => Math.round(bytes / MEGABYTE);
  const report = await withStopSignal("what is finished is kept; start again to go on", (signal) =>
    convert({
      signal,
      onProgress: ({ done, total, item }) => {
        progress ??= createProgress({ label, total: inMegabytes(total), unit: "MB" });
        progress.update(inMegabytes(done), item);
      },
    }),
  );
  progress?.finish("");
  const { written, kept, problems } = report;
  console.log(
    `${output}: ${counted(written, "episode")} written, ${kept} there before, ${counted(problems.length, "problem")}`,
  );
  printProblems(problems);
  if (written + kept === 0) process.exitCode = 1;
}
