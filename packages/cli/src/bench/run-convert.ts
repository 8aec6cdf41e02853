// `bench convert`: how fast published data are converted, and how much memory that takes: the commands themselves, on inputs made here.
import { spawn } from "node:child_process";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { libtorchVersion } from "@vid2world/torch";
import { circumstances, type Circumstances } from "./circumstances.js";
import { makeCsgoArchive, makeReconRelease, makeRldsShard } from "./convert-inputs.js";
import { repositoryRoot } from "./repository.js";
import { textTable } from "@vid2world/formats/text-table";

/** One conversion. */
export interface ConvertRow {
  readonly name: string;
  readonly inputMegabytes: number;
  readonly seconds: number;
  readonly megabytesPerSecond: number;
  /** Largest resident size of the command's process. */
  readonly peakMegabytes: number;
}

/** What `bench convert` found. */
export interface ConvertResult extends Circumstances {
  readonly benchmark: "convert";
  readonly results: readonly ConvertRow[];
}

/** No archive or shard, however large, needs more. */
export const ALLOWED_MEGABYTES = 500;

/** Which conversions to measure, and the size of the large archive and of the large shard. */
export interface ConvertBenchmarkOptions {
  readonly megabytes: number;
  readonly smallMegabytes: number;
}

/** Runs all conversions, one after the other; inputs and results are removed. */
export async function runConvert({ megabytes, smallMegabytes }: ConvertBenchmarkOptions): Promise<ConvertResult> {
  const cases = [
    { name: "csgo: one tar", args: ["csgo"], make: makeCsgoArchive, size: megabytes },
    { name: "rt1: one shard to .npz", args: ["rt1"], make: makeRldsShard, size: smallMegabytes },
    {
      name: "rt1: one shard to a recording",
      args: ["rt1", "--format", "recordings"],
      make: makeRldsShard,
      size: megabytes,
    },
    { name: "recon: hdf5 files", args: ["recon"], make: makeReconRelease, size: smallMegabytes },
  ];
  const results: ConvertRow[] = [];
  for (const { name, args, make, size } of cases) {
    const root = await mkdtemp(path.join(tmpdir(), "vid2world-bench-"));
    try {
      const input = path.join(root, "in");
      const bytes = await make(input, size * 1e6);
      const command = ["data", "convert", ...args, "--input", input, "--output", path.join(root, "out")];
      const { seconds, peakMegabytes } = await measure(command);
      const inputMegabytes = bytes / 1e6;
      results.push({ name, inputMegabytes, seconds, megabytesPerSecond: inputMegabytes / seconds, peakMegabytes });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }
  return { benchmark: "convert", ...circumstances(1, { libtorch: libtorchVersion }), results };
}

async function measure(args: readonly string[]): Promise<{ readonly seconds: number; readonly peakMegabytes: number }> {
  const begun = performance.now();
  const main = path.join(repositoryRoot(), "packages/cli/dist/src/main.js");
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2000)));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  let peakKiB = 0;
  while (child.exitCode === null && child.signalCode === null) {
    // The kernel keeps the largest value itself, so that only the last moments before the end can be missed.
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peakKiB = Math.max(peakKiB, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    await Promise.race([ended, setTimeout(50)]);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`vid2world ${args.join(" ")} ended with code ${String(code)}:\n${errors}`);
  return { seconds: (performance.now() - begun) / 1000, peakMegabytes: (peakKiB * 1024) / 1e6 };
}

/** The result for the terminal. */
export function showConvert({ results }: ConvertResult): string {
  return textTable([
    ["conversion", "MB", "seconds", "MB/s", "peak MB"],
    ...results.map(({ name, inputMegabytes, seconds, megabytesPerSecond, peakMegabytes }) => [
      ...[name, inputMegabytes.toFixed(0), seconds.toFixed(1), megabytesPerSecond.toFixed(1)],
      peakMegabytes.toFixed(0),
    ]),
  ]);
}
