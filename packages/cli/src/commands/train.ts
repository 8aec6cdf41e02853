// `vid2world train`: trains an autoencoder, a video model or a world model from a configuration.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "@commander-js/extra-typings";
import { invalid } from "@vid2world/formats";
import { loadConfig } from "@vid2world/world/config/load";
import { trainingConfigSchema } from "@vid2world/world/training/config";
import { isValidated, missingMetrics, validateRollouts } from "@vid2world/world/evaluation/validate-rollouts";
import { showProfile } from "@vid2world/world/training/profile";
import type { ProfileRequest } from "@vid2world/world/training/profile";
import { replayRun, runOfReplay } from "@vid2world/world/training/replay-run";
import { runTraining } from "@vid2world/world/training/run";
import { asRank } from "../ranks/join.js";
import { launchRanks, withoutDevices } from "../ranks/launch.js";
import { showReplay } from "../show-replay.js";
import { createTrainingDisplay } from "../training-display.js";
import { positive } from "./data/positive.js";
import { setOption } from "./set-option.js";
import { wholeNumber } from "./whole-number.js";

/** Exit status of a run that was ended by a signal, as shells report it. */
const INTERRUPTED = 130;

const EXAMPLES = `
Examples:
  vid2world train configs/debug.yaml                 the smallest world, in seconds
  vid2world train configs/doom/autoencoder.yaml --max-minutes 20
  vid2world train my.yaml --set training.batchSize=8 --set training.device=cuda
  vid2world train my.yaml --devices 4                one process for each of four GPUs; more machines: docs/distributed.md
  vid2world train my.yaml --resume                   after Ctrl-C, a crash or a preemption
  vid2world train --replay runs/my/instability/step-00001234.safetensors
  vid2world report runs/my                           curves and samples, at any time
The run's folder keeps config.yaml, logs, checkpoints/ and in the end the trained model; see docs/training.md.`;

/** Builds the command. */
export function trainCommand() {
  return new Command("train")
    .description(
      "Train an autoencoder, a video model or a world model. Ctrl-C saves and ends; --resume goes on exactly there.",
    )
    .argument("[config]", "YAML file, for instance configs/debug.yaml (with --replay: default that of the run)")
    .addOption(setOption("override settings, for instance training.batchSize=8; may be repeated"))
    .option("--out <folder>", "folder of the run (default: runs/ and the configuration's path)")
    .option("--resume", "go on from the newest checkpoint in the folder, if there is one")
    .option("--allow-change <setting...>", "with --resume: settings that may differ from those of the run's beginning")
    .option(
      "--replay <file>",
      "instead of training take a step once more that was left out, from instability/ in a run's folder, and say what is not finite",
    )
    .option(
      "--profile [steps]",
      "measure where the time of so many steps goes (default: 10), as a table and profile.json for ui.perfetto.dev",
      wholeNumber("--profile", 1),
    )
    .option(
      "--max-steps <n>",
      "end after this many steps (default: the configuration's)",
      wholeNumber("--max-steps", 1),
    )
    .option(
      "--max-minutes <minutes>",
      "end after this much wall-clock time (default: the configuration's)",
      positive("--max-minutes"),
    )
    .option("--threads <n>", "CPU threads (default: one per core)", wholeNumber("--threads", 1))
    .option(
      "--devices <n>",
      "train with this many processes, each on its own GPU (or all on the CPU)",
      wholeNumber("--devices", 1),
    )
    .option(
      "--rank-timeout <seconds>",
      "end when a process did not answer for so long",
      positive("--rank-timeout"),
      1800,
    )
    .addHelpText("after", EXAMPLES)
    .action(async (given, options, command) => {
      const file = given ?? (options.replay && path.join(runOfReplay(options.replay), "config.yaml"));
      if (file === undefined) return command.error("error: missing required argument 'config'");
      if (options.replay === undefined && options.devices !== undefined && options.devices > 1) {
        if (process.env["RANK"] !== undefined)
          throw invalid("--devices", "nothing, where the launcher has set RANK", options.devices);
        const [script = "", ...words] = process.argv.slice(1);
        const say = (line: string): void => void process.stderr.write(`${line}\n`);
        process.exitCode = await launchRanks({
          ...{ count: options.devices, command: [script, ...withoutDevices(words)], say },
        });
        return;
      }
      const overrides = [
        ...(options.set ?? []),
        ...(options.maxSteps === undefined ? [] : [`training.maxSteps=${options.maxSteps}`]),
        ...(options.maxMinutes === undefined ? [] : [`training.maxMinutes=${options.maxMinutes}`]),
        ...(options.threads === undefined ? [] : [`training.threads=${options.threads}`]),
      ];
      const config = await loadConfig(file, trainingConfigSchema, { overrides });
      const folder = options.out ?? defaultFolder(file);
      const interrupted = abortOnSignals();
      const display = createTrainingDisplay();
      try {
        if (options.replay !== undefined) {
          const replay = await replayRun(config, options.replay, { signal: interrupted.signal, onEvent: display.show });
          display.close();
          return console.log(showReplay(replay));
        }
        const { device } = config.training;
        const joining = { device, timeout: options.rankTimeout, onOrphaned: interrupted.abort };
        const [result, speaks] = await asRank(joining, async (ranks) => {
          const ended = await runTraining(config, {
            ...{ folder, resume: options.resume ?? false, allowChanges: options.allowChange ?? [], ranks },
            ...(options.profile !== undefined && { profile: profileInto(folder, options.profile) }),
            signal: interrupted.signal,
            onEvent: display.show,
            scorer: { run: validateRollouts, missing: missingMetrics, isDone: isValidated },
          });
          return [ended, (ranks?.rank ?? 0) === 0] as const;
        });
        display.close();
        const ending = result.finished ? "done" : `stopped at step ${result.step}; go on with --resume`;
        if (speaks) process.stderr.write(`${ending}: ${result.output}\n`);
        if (!result.finished) process.exitCode = INTERRUPTED;
      } finally {
        display.close();
        interrupted.release();
      }
    });
}

/** Prints the table and writes the trace of each rank beside the run's other files. */
function profileInto(folder: string, steps: number | true): ProfileRequest {
  return {
    steps: steps === true ? 10 : steps,
    onProfile: (summary, trace) => {
      const file = path.join(
        folder,
        `profile${process.env["RANK"] === undefined ? "" : `-${process.env["RANK"]}`}.json`,
      );
      writeFileSync(file, trace);
      process.stderr.write(`\n${showProfile(summary)}\ntrace: ${file}\n`);
    },
  };
}

/** `configs/doom/base.yaml` trains in `runs/doom/base`. */
function defaultFolder(file: string): string {
  const inside = path.relative("configs", file);
  const { dir, name } = path.parse(inside.startsWith("..") ? path.basename(file) : inside);
  return path.join("runs", dir, name);
}

/** The first SIGINT or SIGTERM asks the run to save and end; a second one ends the process as usual. */
function abortOnSignals(): { readonly signal: AbortSignal; readonly abort: () => void; release(): void } {
  const controller = new AbortController();
  const abort = (): void => {
    if ((process.env["RANK"] ?? "0") === "0") process.stderr.write("\nsaving; once more to end at once\n");
    controller.abort();
    release();
  };
  const release = (): void => {
    process.off("SIGINT", abort);
    process.off("SIGTERM", abort);
  };
  process.on("SIGINT", abort);
  process.on("SIGTERM", abort);
  return { signal: controller.signal, abort, release };
}
