// `vid2world bench`: what this machine makes of the engine and the model, against PyTorch for Python on the same libtorch.
import { Command, Option } from "@commander-js/extra-typings";
import { writeFileAtomically } from "@vid2world/formats";
import { caseNames, type CaseName } from "../bench/cases.js";
import { findPyTorch } from "../bench/python.js";
import { fail, report } from "../bench/report.js";
import { runDecoder, showDecoder } from "../bench/run-decoder.js";
import { runEncode, showEncode } from "../bench/run-encode.js";
import { runMemory, showMemory } from "../bench/run-memory.js";
import { runNetworks } from "../bench/run-network.js";
import { runStreaming } from "../bench/run-streaming.js";
import { showStreaming } from "../bench/show-streaming.js";
import { runOperators, showOperators } from "../bench/run-operators.js";
import { plotQuality, runQuality, showQuality } from "../bench/run-quality.js";
import { runRanks, showRanks } from "../bench/run-ranks.js";
import { showNetworks } from "../bench/show-network.js";
import type { Timed } from "../bench/protocol.js";
import { solverNames } from "@vid2world/world/diffusion/samplers/sampler-config";
import { checkpointCommand } from "./bench/checkpoint.js";
import { countCommand, latencyCommand, sessionsCommand } from "./bench/live.js";
import { convertCommand } from "./bench/convert.js";
import { fullCommand } from "./bench/full.js";
import { fullStepCommand } from "./bench/full-step.js";
import { loaderCommand } from "./bench/loader.js";
import { metricsCommand } from "./bench/metrics.js";
import { recomputeCommand } from "./bench/recompute.js";
import { serverCommand } from "./bench/server.js";
import { servingCommand } from "./bench/serving.js";
import { soakCommand } from "./bench/soak.js";
import { wholeNumber } from "./whole-number.js";

const EXAMPLES = `
Examples:
  vid2world bench ops                                microseconds per call, against Python
  vid2world bench forward --case doom --rounds 20    one configuration, more turns: for a machine that does other things too
  vid2world bench train-step --json --out step.json  the numbers, and where they are kept
  vid2world bench ranks                              training steps of one and two processes
  vid2world bench checkpoint                         what saving costs, and how soon a run ends when it is asked to
  vid2world bench recompute                          memory and time of a training step by model.checkpointing
  vid2world bench memory                             1000 sampling and 300 training steps
  vid2world bench streaming --contexts 1 8 64        a new frame by whole windows and by streaming
  vid2world bench latency --rounds 20                from an action to its picture, by sampler
  vid2world bench sessions                           several sessions as one batch
  vid2world bench count                              operations and bytes of a new frame
  vid2world bench full --case debug                  the ladder of speed, in miniature; without --case at full size
  vid2world bench full-step --device cuda            a training step at full size: TFLOP/s and memory; --case debug in miniature
  vid2world bench quality --steps 1 2 4 --solvers ddim unipc
  vid2world bench decoder                            the small decoder of the built-in world beside the full one
  vid2world bench loader --domain csgo --workers 2   frames per second of the data loader, against h5py and torch's DataLoader
  vid2world bench encode                             stored latents beside encoding in every step
  vid2world bench convert --megabytes 1000           MB/s and peak memory of data convert, on inputs that it makes
  vid2world bench serving                            the engine with 1, 4, 16, 64 sessions, batched and not
  vid2world bench soak --minutes 120                 a served world for hours: what grows, what is lost
  vid2world bench metrics --clips 64 1024            pictures per second of each metric; memory of scoring many clips
The first three, loader and metrics need PyTorch for Python on the same libtorch (Debian: apt-get install python3-torch). Exit code 1 when values differ
from PyTorch's by more than rounding, or memory grows.`;

/** Builds the command with one subcommand per benchmark. */
export function benchCommand() {
  return new Command("bench")
    .description(
      "Measure operator calls, the network and its training step against PyTorch for Python, memory over time, and a world's quality against its cost.",
    )
    .addCommand(operatorsCommand())
    .addCommand(networkCommand("forward", "one evaluation of a whole window, without gradients"))
    .addCommand(networkCommand("train-step", "one training step: loss, backward pass, clipping, AdamW"))
    .addCommand(memoryCommand())
    .addCommand(ranksCommand())
    .addCommand(checkpointCommand())
    .addCommand(recomputeCommand())
    .addCommand(streamingCommand())
    .addCommand(latencyCommand())
    .addCommand(sessionsCommand())
    .addCommand(countCommand())
    .addCommand(fullCommand())
    .addCommand(fullStepCommand())
    .addCommand(qualityCommand())
    .addCommand(decoderCommand())
    .addCommand(loaderCommand())
    .addCommand(encodeCommand())
    .addCommand(convertCommand())
    .addCommand(metricsCommand())
    .addCommand(serverCommand())
    .addCommand(servingCommand())
    .addCommand(soakCommand())
    .addHelpText("after", EXAMPLES);
}

const whole = <Flags extends string>(flags: Flags, text: string, least: number) =>
  new Option(flags, text).argParser(wholeNumber(flags.split(" ")[0] ?? flags, least));
const jsonOption = () => new Option("--json", "print the result as JSON");
const outOption = () => new Option("--out <file>", "where the result goes (default: benchmarks/results/NAME.json)");

function operatorsCommand() {
  return new Command("ops")
    .description("microseconds per small operator call, JavaScript to JavaScript, and the same in Python")
    .addOption(whole("--rounds <n>", "turns that the two sides take", 1).default(20))
    .addOption(jsonOption())
    .addOption(outOption())
    .action(async ({ rounds, json, out }) => {
      await needPyTorch();
      const result = await runOperators({ rounds });
      await report("ops", result, showOperators(result), { json, out });
    });
}

function networkCommand(what: Timed, description: string) {
  return new Command(what)
    .description(`${description}; ours and an equal PyTorch model, whose values and gradients must agree`)
    .addOption(new Option("--case <name>", "only this configuration").choices(caseNames))
    .addOption(whole("--rounds <n>", "turns that the sides take", 1).default(6))
    .addOption(whole("--iterations <n>", "runs per turn (default: about half a second)", 1))
    .addOption(whole("--batch <n>", "clips at once (default: the case's)", 1))
    .addOption(whole("--threads <n>", "CPU threads", 1).default(1))
    .addOption(jsonOption())
    .addOption(outOption())
    .action(async ({ case: only, rounds, iterations, batch, threads, json, out }) => {
      await needPyTorch();
      const cases: readonly CaseName[] = only === undefined ? caseNames : [only];
      const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
      const result = await runNetworks({ what, cases, threads, rounds, perRound: iterations, batch, onProgress });
      await report(what, result, showNetworks(result), { json, out });
      const unequal = result.results.filter(({ equality }) => equality.some((check) => check.unequal.length > 0));
      fail(
        unequal.length > 0,
        `differs from PyTorch by more than rounding: ${unequal.map(({ name }) => name).join(", ")}`,
      );
    });
}

function memoryCommand() {
  return new Command("memory")
    .description("whether memory stays flat over many sampling and training steps of the debug model")
    .addOption(whole("--sampling-steps <n>", "denoising steps", 10).default(1000))
    .addOption(whole("--training-steps <n>", "optimiser steps", 1).default(300))
    .addOption(whole("--threads <n>", "CPU threads", 1).default(1))
    .addOption(jsonOption())
    .addOption(outOption())
    .action(async ({ samplingSteps, trainingSteps, threads, json, out }) => {
      const result = await runMemory({ samplingSteps, trainingSteps, threads });
      await report("memory", result, showMemory(result), { json, out });
      fail(
        result.curves.some(({ flat }) => !flat),
        "memory is not flat",
      );
    });
}

function qualityCommand() {
  return new Command("quality")
    .description("a world's quality against denoising steps, by solver, on held-out recordings: table, JSON and curves")
    .option("--world <name>", "a built-in world, or the folder of one", "doom")
    .addOption(whole("--starts <n>", "held-out starts", 1).default(8))
    .addOption(whole("--frames <n>", "frames to predict from each", 1).default(6))
    .option("--steps <n...>", "step counts", ["1", "2", "4", "6", "8", "10", "16", "25", "50"])
    .addOption(new Option("--solvers <name...>", "solvers").choices(solverNames).default([...solverNames]))
    .addOption(whole("--others-up-to <n>", "evaluations up to which the solvers after the first are measured", 1))
    .addOption(
      new Option("--spacing <name>", "placement of the steps (default: the world's)").choices([
        "uniform_trailing",
        "log_snr",
        "karras",
      ] as const),
    )
    .addOption(whole("--threads <n>", "CPU threads", 1).default(1))
    .addOption(
      new Option("--evaluation <how>", "evaluate the window at every step, or only the new frame")
        .choices(["window", "streaming"] as const)
        .default("window" as const),
    )
    .option("--plot <file>", "where the curves go (default: none)")
    .addOption(jsonOption())
    .addOption(outOption())
    .action(async ({ steps, plot, json, out, spacing, othersUpTo, ...options }) => {
      const count = wholeNumber("--steps", 1);
      const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
      const result = await runQuality({
        ...options,
        steps: steps.map(count),
        ...(spacing && { spacing }),
        ...(othersUpTo !== undefined && { othersUpTo }),
        onProgress,
      });
      if (plot !== undefined) await writeFileAtomically(plot, await plotQuality(result));
      await report("quality", result, showQuality(result), { json, out });
    });
}

function encodeCommand() {
  return new Command("encode")
    .description("a training step that reads stored latents beside one that decodes and encodes its clips")
    .addOption(new Option("--case <name>", "only this configuration").choices(caseNames))
    .addOption(whole("--rounds <n>", "turns that the two take", 1).default(20))
    .addOption(whole("--threads <n>", "CPU threads", 1).default(1))
    .addOption(jsonOption())
    .addOption(outOption())
    .action(async ({ case: only, rounds, threads, json, out }) => {
      const result = await runEncode({ rounds, threads, ...(only !== undefined && { cases: [only] }) });
      await report("encode", result, showEncode(result), { json, out });
    });
}

function decoderCommand() {
  return new Command("decoder")
    .description("a world's tiny decoder beside its full one: quality on held-out frames, and time")
    .option("--world <name>", "a built-in world, or the folder of one", "doom")
    .option("--tiny-decoder <file>", "a tiny decoder in place of the world's own")
    .addOption(whole("--frames <n>", "held-out frames", 1).default(64))
    .addOption(whole("--rounds <n>", "turns that the decoders take", 1).default(60))
    .addOption(whole("--threads <n>", "CPU threads", 1).default(1))
    .addOption(jsonOption())
    .addOption(outOption())
    .action(async ({ json, out, tinyDecoder, ...options }) => {
      const result = await runDecoder({ ...options, ...(tinyDecoder !== undefined && { tinyDecoder }) });
      await report("decoder", result, showDecoder(result), { json, out });
    });
}

function ranksCommand() {
  return new Command("ranks")
    .description("training steps of one process and of two, ours and PyTorch's DistributedDataParallel")
    .addOption(new Option("--case <name>", "the configuration").choices(caseNames).default("debug" as const))
    .addOption(whole("--rounds <n>", "turns that the teams take", 1).default(10))
    .addOption(whole("--iterations <n>", "steps per turn", 1).default(5))
    .addOption(jsonOption())
    .addOption(outOption())
    .action(async ({ case: name, rounds, iterations, json, out }) => {
      await needPyTorch();
      const result = await runRanks({ name, rounds, perRound: iterations });
      await report("ranks", result, showRanks(result), { json, out });
    });
}

function streamingCommand() {
  const wholes = (text: string, before: number[] | undefined): number[] => [
    ...(before ?? []),
    wholeNumber("a number", 1)(text),
  ];
  return new Command("streaming")
    .description("a new frame by whole windows and by streaming against the context's length: time, memory, gain")
    .addOption(new Option("--case <name>", "only this configuration").choices(caseNames))
    .addOption(new Option("--contexts <n...>", "known frames (default: 1 2 4 8 15 32 64)").argParser(wholes))
    .addOption(new Option("--steps <n...>", "denoising steps of the gain (default: 50 10 2)").argParser(wholes))
    .addOption(whole("--rounds <n>", "turns that the parts take", 1).default(7))
    .addOption(whole("--threads <n>", "CPU threads", 1).default(2))
    .addOption(jsonOption())
    .addOption(outOption())
    .action(async ({ case: only, contexts, steps, rounds, threads, json, out }) => {
      const result = await runStreaming({
        cases: only === undefined ? caseNames : [only],
        contexts: contexts ?? [1, 2, 4, 8, 15, 32, 64],
        steps: steps ?? [50, 10, 2],
        ...{ rounds, threads },
        onProgress: (text) => void process.stderr.write(`${text}\n`),
      });
      await report("streaming", result, showStreaming(result), { json, out });
    });
}

async function needPyTorch(): Promise<void> {
  const found = await findPyTorch();
  // The code marks it as no fault of the program's.
  if ("missing" in found) throw Object.assign(new Error(found.missing), { code: "ENOENT" });
}
