// `vid2world weights list|pull|verify`: the foreign weights that the method needs, got once and kept in one folder.
import { Command } from "@commander-js/extra-typings";
import { WEIGHTS, type WeightFile } from "@vid2world/world/weights/manifest";
import { pullWeights, type PullOptions } from "@vid2world/world/weights/pull";
import { findWeights, weightsRoot } from "@vid2world/world/weights/root";
import { verifyWeights, weightStatus, type Verification, type WeightStatus } from "@vid2world/world/weights/status";
import pc from "picocolors";

import { createProgress } from "../progress.js";

const EXAMPLES = `
Examples:
  vid2world weights list                          what there is to get, and what is here
  vid2world weights pull dynamicrafter-512        one file; an interrupted download goes on where it ended
  vid2world weights pull metrics                  all files of a group: base, worlds, text, metrics, all
  vid2world weights pull all --from /mnt/weights  files that you have: linked or copied, no network
  vid2world weights verify                        read every file that is here and compare its checksum
The folder is ~/.cache/vid2world/weights, or VID2WORLD_WEIGHTS. HF_ENDPOINT names a mirror of the hub, HF_TOKEN your token.`;

/** Builds the command. */
export function weightsCommand() {
  return new Command()
    .description(
      "Get, list and verify the weights that others have published: base model, world models, metric networks.",
    )
    .addCommand(listCommand())
    .addCommand(pullCommand())
    .addCommand(verifyCommand())
    .addHelpText("after", EXAMPLES);
}

function listCommand() {
  return new Command("list")
    .description("Show every file of the manifest, and whether it is here.")
    .option("--json", "print manifest and states as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async ({ json }) => {
      const states = await Promise.all(WEIGHTS.map((file) => weightStatus(file)));
      console.log(json === true ? JSON.stringify({ root: weightsRoot(), files: states }, null, 2) : showList(states));
    });
}

/** The states as aligned lines. */
export function showList(states: readonly WeightStatus[]): string {
  const width = Math.max(...states.map(({ file }) => file.name.length));
  const lines = states.map(({ file, state, bytes }) => {
    const size =
      file.size === undefined ? (state === "there" ? showBytes(bytes) : "size unknown") : showBytes(file.size);
    return `${showState(state, bytes, file.size).padEnd(16)}  ${file.name.padEnd(width)}  ${size.padStart(12)}  ${file.title}`;
  });
  return [...lines, "", `in ${weightsRoot()}; to get one: vid2world weights pull NAME`].join("\n");
}

function showState(state: WeightStatus["state"], bytes: number, size: number | undefined): string {
  if (state !== "partial") return state;
  return size === undefined ? `${showBytes(bytes)} of it` : `${Math.floor((100 * bytes) / size)} % of it`;
}

function pullCommand() {
  return new Command("pull")
    .description("Get files by name or group. What is here already is left alone.")
    .argument("<names...>", "names or groups of vid2world weights list")
    .option("--from <folder>", "take them from this folder (link, else copy), never from the network")
    .option("--force", "get them again although they are here")
    .addHelpText("after", EXAMPLES)
    .action(async (names, { from, force }) => {
      const files = findWeights(names);
      await interruptible(async (signal) => {
        const faults: unknown[] = [];
        for (const file of files) {
          await pullOne(file, { signal, ...(from !== undefined && { from }), ...(force === true && { force }) }).catch(
            (error: unknown) => {
              // The other files of a group are worth having all the same.
              if (signal.aborted || files.length === 1) throw error;
              console.error(`error: ${(error as Error).message}`);
              faults.push(error);
            },
          );
        }
        if (faults.length > 0) process.exitCode = 1;
      });
    });
}

const CHECKED = {
  manifest: "checksum as published",
  hub: "checksum as the hub states it",
  nothing: "nothing states a checksum; its SHA-256 is",
} as const;

async function pullOne(file: WeightFile, options: PullOptions): Promise<void> {
  let progress: ReturnType<typeof createProgress> | undefined;
  const onProgress = (done: number, total: number | undefined): void => {
    progress ??= createProgress({ label: file.name, total: megabytes(total ?? file.size ?? done), unit: "MB" });
    progress.update(megabytes(done));
  };
  try {
    const { path, how, size, sha256, checkedAgainst } = await pullWeights(file, { ...options, onProgress });
    progress?.update(megabytes(size));
    progress?.finish(how);
    const checked = checkedAgainst === undefined ? "" : `, ${CHECKED[checkedAgainst]}`;
    const shown = checkedAgainst === "nothing" ? ` ${sha256 ?? ""}` : "";
    console.log(`${file.name}: ${how}: ${path} (${showBytes(size)}${checked}${shown})`);
  } catch (error) {
    progress?.finish("stopped");
    throw error;
  }
}

function verifyCommand() {
  return new Command("verify")
    .description(
      "Read files and compare their checksums. Without names: all that are here. Exit code 1 if one is wrong or, being named, missing.",
    )
    .argument("[names...]", "names or groups of vid2world weights list")
    .option("--json", "print the results as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async (names, { json }) => {
      await interruptible(async (signal) => {
        const results: Verification[] = [];
        for (const file of findWeights(names.length > 0 ? names : ["all"])) {
          const result = await verifyOne(file, signal);
          if (result.state === "missing" && names.length === 0) continue;
          results.push(result);
          if (json !== true) console.log(showVerification(result));
        }
        if (json === true) console.log(JSON.stringify({ root: weightsRoot(), results }, null, 2));
        else if (results.length === 0) console.log(`${weightsRoot()}: no weights are here`);
        if (results.some(({ state }) => state === "wrong" || state === "missing")) process.exitCode = 1;
      });
    });
}

async function verifyOne(file: WeightFile, signal: AbortSignal): Promise<Verification> {
  const { bytes } = await weightStatus(file);
  const progress = createProgress({ label: file.name, total: megabytes(bytes), unit: "MB" });
  let read = 0;
  const result = await verifyWeights(file, { signal, onBytes: (count) => progress.update(megabytes((read += count))) });
  if (read > 0 && process.stderr.isTTY) progress.finish();
  return result;
}

/** One line of `weights verify`. */
export function showVerification({ file, path, state, sha256, against, expected }: Verification): string {
  switch (state) {
    case "good":
      return `${pc.green("good")}     ${file.name}  (${against === "manifest" ? "as published" : "as when it was pulled"})`;
    case "unknown":
      return `${pc.yellow("unknown")}  ${file.name}  no checksum is stated for it; its SHA-256 is ${sha256}`;
    case "wrong":
      return `${pc.red("wrong")}    ${file.name}  ${path} has SHA-256 ${sha256}, expected ${expected ?? "another size"}; get it again with --force`;
    case "missing":
      return `${pc.red("missing")}  ${file.name}  not at ${path}; vid2world weights pull ${file.name}`;
  }
}

/** Ctrl-C ends `work` between two pieces; what came so far is kept. */
async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const interrupt = (): void => {
    const error = new Error("interrupted: what came so far is kept; start the same command again to go on");
    stop.abort(Object.assign(error, { code: "EINTR" }));
  };
  process.once("SIGINT", interrupt);
  try {
    await work(stop.signal);
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    process.off("SIGINT", interrupt);
  }
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1e6);

function showBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}
